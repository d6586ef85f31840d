"""The WFS reader against a service that pages, caps, reports errors with status 200, and turns its axes."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.read import BadSource, RefusedSource, SourceChanged, SourceUnavailable, open_source
from tests.ingest_readers.reading import Whole, read_all
from tests.ingest_readers.server import Answer, Asked, Ear, Site, serving
from tests.ingest_readers.wfs_server import Wfs, report

IDS = [f"stations.{n}" for n in range(1, 24)]


def read(site: Site, settings: Settings, work: Path, **more: Any) -> Whole:
    rows = more.pop("rows", 20_000)
    source = Source("wfs", f"{site.url}/wfs", layer=more.pop("layer", "eau:stations"), **more)
    return read_all(source, settings, work, rows=rows)


def features_asked(site: Site) -> list[dict[str, str]]:
    queries = (a.query for a in site.asked)
    return [q for q in queries if q["request"] == "GetFeature" and q.get("resultType") != "hits"]


@pytest.mark.parametrize("json", [True, False], ids=["geojson", "gml"])
@pytest.mark.parametrize("version", ["2.0.0", "1.1.0"])
def test_all_pages_are_read_in_either_version_and_format(
    settings: Settings, work: Path, json: bool, version: str
) -> None:
    with serving(Wfs(json=json, versions=(version,))) as site:
        whole = read(site, settings, work)
    assert whole.keys == IDS
    assert (whole.described.count, whole.described.srid, whole.described.geometry) == (23, 31370, "Point")
    assert whole.column("code")[0] == "01"
    assert whole.column("rang")[:2] == [1, 2]
    assert whole.column("hauteur")[0] == 0.5
    assert whole.column("active")[0] is True
    assert whole.column("pose")[0] == date(2020, 1, 2)
    assert whole.column("releve")[0] == datetime(2021, 7, 15, 6, tzinfo=UTC)
    assert whole.column("commune")[0] == "Hélécine"
    assert whole.wkt[0] == "POINT (180001 130000)"
    assert max(whole.batches) <= 10


@pytest.mark.parametrize("json", [True, False], ids=["geojson", "gml"])
def test_degrees_come_east_first_though_the_service_writes_them_north_first(
    settings: Settings, work: Path, json: bool
) -> None:
    with serving(Wfs(json=json)) as site:
        whole = read(site, settings, work, crs=4326)
    assert whole.wkt[0] == "POINT (5.01 50.5)"
    assert whole.described.srid == 4326


def test_geojson_in_degrees_instead_of_the_metres_asked_for_is_replaced_by_gml(settings: Settings, work: Path) -> None:
    with serving(Wfs(crs_member=False)) as site:
        whole = read(site, settings, work)
    assert whole.keys == IDS
    assert whole.wkt[0] == "POINT (180001 130000)"


def test_pages_are_sorted_by_the_key(settings: Settings, work: Path) -> None:
    with serving(Wfs()) as site:
        whole = read(site, settings, work, key="rang")
        asked = features_asked(site)
    assert whole.keys == [str(n) for n in range(1, 24)]
    assert {q["sortBy"] for q in asked} == {"rang"}
    assert [q.get("startIndex") for q in asked] == [None, "10", "20"]


def test_a_server_that_caps_its_pages_lower_than_it_says_is_followed(settings: Settings, work: Path) -> None:
    class Capped(Wfs):
        def rows(self, query: dict[str, str]) -> Answer:
            return super().rows({**query, "count": "4"})

    with serving(Capped()) as site:
        assert read(site, settings, work).keys == IDS


def test_a_service_without_paging_must_give_all_at_once(settings: Settings, work: Path) -> None:
    with serving(Wfs(paging=False, page=100)) as site:
        assert read(site, settings, work).keys == IDS
    with serving(Wfs(paging=False, page=10)) as site, pytest.raises(SourceChanged, match="10 different ones"):
        read(site, settings, work)


def test_a_service_that_does_not_count_is_read_to_its_end(settings: Settings, work: Path) -> None:
    with serving(Wfs(hits=["unknown"])) as site:
        whole = read(site, settings, work)
    assert whole.described.count is None
    assert whole.keys == IDS


def test_a_count_that_changes_meanwhile_fails_the_load(settings: Settings, work: Path) -> None:
    with serving(Wfs(hits=["23", "24"])) as site, pytest.raises(SourceChanged, match="23 rows before, 24 after"):
        read(site, settings, work)


def test_an_exception_report_with_status_200_is_told_or_repeated(settings: Settings, work: Path) -> None:
    with serving(Wfs(faults=[report("NoApplicableCode", "database is away")])) as site:
        assert read(site, settings, work).keys == IDS
    with serving(Wfs(faults=[report("InvalidParameterValue", "Illegal property name")])) as site:
        with pytest.raises(BadSource, match="Illegal property name"):
            read(site, settings, work)
        assert len(features_asked(site)) == 1


@pytest.mark.parametrize("fault", [Answer(b'{"type": "FeatureColl'), Answer(b"<wfs:Fea"), Answer(b"", 503)])
def test_a_cut_page_is_asked_again(settings: Settings, work: Path, fault: Answer) -> None:
    with serving(Wfs(faults=[fault])) as site:
        assert read(site, settings, work).keys == IDS


def test_a_fault_that_stays_fails_the_load(settings: Settings, work: Path) -> None:
    away = [report("NoApplicableCode", "away")] * 50
    with serving(Wfs(faults=away)) as site, pytest.raises(SourceUnavailable, match="away"):
        read(site, settings, work)


def test_ids_that_are_made_up_anew_are_no_keys(settings: Settings, work: Path) -> None:
    class Random(Wfs):
        def as_json(self, numbers: list[int], srid: int) -> Answer:
            answer = super().as_json(numbers, srid)
            return Answer(answer.body.replace(b'"stations.', b'"stations.fid--1a2b3c_18_'))

    with serving(Random()) as site:
        assert read(site, settings, work).keys == [str(n) for n in range(1, 24)]


def test_an_unknown_type_name_is_answered_with_the_known_ones(settings: Settings, work: Path) -> None:
    with serving(Wfs()) as site, pytest.raises(BadSource, match="eau:stations"):
        read(site, settings, work, layer="routes")


def test_a_filter_goes_to_the_service_in_its_own_words(settings: Settings, work: Path) -> None:
    with serving(Wfs()) as site:
        read(site, settings, work, where="rang < 100")
        assert {q.get("CQL_FILTER") for q in features_asked(site)} == {"rang < 100"}


def test_entities_in_an_answer_are_refused(settings: Settings, work: Path, ear: Ear) -> None:
    evil = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "{ear.url}/x">]><a>&x;</a>'
    with serving(lambda asked: Answer(evil.encode())) as site, pytest.raises(RefusedSource, match="document type"):
        read(site, settings, work)
    assert ear.heard() == 0


@pytest.mark.parametrize(
    ("file", "version", "layer", "srid"),
    [
        ("wfs_dov_getcapabilities_110.xml", "1.1.0", "gw_meetnetten:meetnetten", 31370),
        ("wfs_dov_getcapabilities_200.xml", "2.0.0", "meetnetten", 31370),
    ],
)
def test_real_capabilities_are_understood(
    settings: Settings, work: Path, data: Path, file: str, version: str, layer: str, srid: int
) -> None:
    told = (data / "ogc_documents/capabilities" / file).read_bytes()
    pretend = Wfs(versions=(version,))

    def answer(asked: Asked) -> Answer:
        return Answer(told) if asked.query["request"] == "GetCapabilities" else pretend(asked)

    with serving(answer) as site, open_source(Source("wfs", site.url, layer=layer), settings, work=work) as reader:
        described = reader.describe()
    assert (described.name, described.srid) == ("gw_meetnetten:meetnetten", srid)


@pytest.mark.parametrize("version", ["110", "200"])
def test_a_real_arcgis_wfs_is_described(settings: Settings, work: Path, data: Path, version: str) -> None:
    folder = data / "ogc_documents/capabilities"
    told = (folder / f"wfs_koeln_arcgis_getcapabilities_{version}.xml").read_bytes()
    schema = (folder / f"wfs_koeln_arcgis_describefeaturetype_{version}.xml").read_bytes()
    pretend = Wfs(versions=(".".join(version),))

    def answer(asked: Asked) -> Answer:
        documents = {"GetCapabilities": Answer(told), "DescribeFeatureType": Answer(schema)}
        return documents.get(asked.query["request"]) or pretend(asked)

    source = Source("wfs", "", layer="Blumenberg", key="objectid")
    with serving(answer) as site, open_source(replace(source, url=site.url), settings, work=work) as reader:
        described = reader.describe()
    types = {field.name: field.type for field in described.fields}
    assert (types["objectid"], types["Straße"], types["Nummer"]) == ("integer", "string", "string")
    assert "Shape" not in types
    assert (described.geometry, described.srid) == ("Point", 25832)
