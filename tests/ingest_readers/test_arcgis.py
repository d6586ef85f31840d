"""The ArcGIS reader against a server that misbehaves in each of the ways real ones do."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.read import BadSource, RefusedSource, SourceChanged, SourceUnavailable
from tests.ingest_readers.esri import LAYER, Layer, error, say
from tests.ingest_readers.reading import Whole, read_all
from tests.ingest_readers.server import Answer, Asked, Site, serving

ALL = [str(i) for i in range(1, 38)]


def read(site: Site, settings: Settings, work: Path, **more: Any) -> Whole:
    rows = more.pop("rows", 20_000)
    return read_all(Source("arcgis", f"{site.url}/MapServer/7", **more), settings, work, rows=rows)


def row_queries(site: Site) -> list[dict[str, str]]:
    asked = (a.query for a in site.asked if a.path.endswith("/query"))
    return [q for q in asked if "returnCountOnly" not in q and "returnIdsOnly" not in q]


def test_a_layer_longer_than_a_page_is_read_whole_and_in_order(settings: Settings, work: Path) -> None:
    with serving(Layer()) as site:
        whole = read(site, settings, work)
    assert whole.keys == ALL
    assert whole.described.count == 37
    assert whole.described.srid == 31370
    assert whole.described.geometry == "Point"
    assert whole.described.key == "OBJECTID"
    assert whole.column("CODE")[0] == "01"
    assert whole.column("HAUTEUR")[2] == 1.5
    assert whole.column("POSE")[0] == datetime(1970, 1, 2, tzinfo=UTC)
    assert whole.wkt[0] == "POINT (180001 130000)"
    assert "SHAPE" not in whole.table.schema.names


def test_every_row_query_is_ordered_and_says_its_crs(settings: Settings, work: Path) -> None:
    with serving(Layer()) as site:
        read(site, settings, work, crs=3812, where="CODE <> 'x'")
        queries = row_queries(site)
    assert len(queries) == 4
    for query in queries:
        assert query["orderByFields"] == "OBJECTID"
        assert query["outSR"] == "3812"
        assert query["where"] == "CODE <> 'x'"
        assert query["returnZ"] == "false"
        assert query["returnTrueCurves"] == "false"
    assert [query.get("resultOffset") for query in queries] == [None, "10", "20", "30"]


def test_the_flag_may_stand_under_properties_or_not_at_all(settings: Settings, work: Path) -> None:
    for flag in ("properties", "never"):
        with serving(Layer(flag=flag)) as site:
            assert read(site, settings, work).keys == ALL


def test_a_single_page_is_asked_for_once(settings: Settings, work: Path) -> None:
    with serving(Layer(count=10)) as site:
        assert len(read(site, settings, work).keys) == 10
        assert len(row_queries(site)) == 1


def test_an_empty_layer_gives_no_rows(settings: Settings, work: Path) -> None:
    with serving(Layer(count=0)) as site:
        whole = read(site, settings, work)
    assert whole.described.count == 0
    assert whole.batches == []


@pytest.mark.parametrize("admits", [True, False])
def test_where_paging_is_refused_rows_come_by_their_ids(settings: Settings, work: Path, admits: bool) -> None:
    with serving(Layer(pages=False, admits=admits)) as site:
        whole = read(site, settings, work)
        offsets = [q for q in row_queries(site) if "resultOffset" in q]
    assert sorted(whole.keys, key=int) == ALL
    assert len(offsets) == (0 if admits else 1)


@pytest.mark.parametrize("most", [0, 4])
def test_rows_missing_from_a_short_page_are_fetched_by_id(settings: Settings, work: Path, most: int) -> None:
    with serving(Layer(short=lambda offset: most if offset == 10 else 10**9)) as site:
        whole = read(site, settings, work)
        offsets = [q.get("resultOffset") for q in row_queries(site) if "objectIds" not in q]
    assert offsets == [None, "10", "20", "30"]
    assert sorted(whole.keys, key=int) == ALL


def test_rows_come_once_even_if_the_service_ignores_the_order(settings: Settings, work: Path) -> None:
    class Unordered(Layer):
        def rows(self, query: dict[str, str]) -> Answer:
            return super().rows({k: v for k, v in query.items() if k != "orderByFields"})

    with serving(Unordered()) as site:
        assert sorted(read(site, settings, work).keys, key=int) == ALL


@pytest.mark.parametrize(
    "fault",
    [
        error(500, "Service not started"),
        error(500, "Error performing query operation"),
        error(400, "Unable to complete operation.", "The input is not a Geographic Coordinate System"),
        say({}, status=503),
        say({}, status=502),
        Answer(b'{"features": [{"attributes": {"OBJ'),
        Answer(b'{"features": []}', announced=5000),
        Answer(b"<html>gateway</html>"),
    ],
    ids=["500-in-200", "query-500", "not-geographic", "503", "502", "half-json", "cut-connection", "html"],
)
def test_a_passing_fault_is_asked_again(settings: Settings, work: Path, fault: Answer) -> None:
    with serving(Layer(faults=[fault, fault])) as site:
        assert read(site, settings, work).keys == ALL
        assert len(row_queries(site)) == 6


def test_a_fault_that_stays_fails_the_load_and_tells_its_words(settings: Settings, work: Path) -> None:
    layer = Layer(faults=[error(500, "Service not started")] * 50)
    with serving(layer) as site, pytest.raises(SourceUnavailable, match="Service not started"):
        read(site, settings, work)
    assert len(row_queries(site)) == settings.source_retries + 1


def test_an_error_that_is_our_own_is_not_repeated(settings: Settings, work: Path) -> None:
    with serving(Layer(faults=[error(400, "Invalid query parameters", "'where' clause is invalid")])) as site:
        with pytest.raises(BadSource, match="'where' clause is invalid"):
            read(site, settings, work)
        assert len(row_queries(site)) == 1


def test_a_missing_token_is_told_at_once(settings: Settings, work: Path) -> None:
    with serving(lambda asked: error(499, "Token Required")) as site:
        with pytest.raises(BadSource, match="Token Required"):
            read(site, settings, work)
        assert len(site.asked) == 1


def test_a_count_that_changes_meanwhile_fails_the_load(settings: Settings, work: Path) -> None:
    with serving(Layer(counts=[37, 38])) as site, pytest.raises(SourceChanged, match="37 rows before, 38 after"):
        read(site, settings, work)


def test_a_count_that_the_rows_do_not_reach_fails_the_load(settings: Settings, work: Path) -> None:
    with serving(Layer(counts=[40])) as site, pytest.raises(SourceChanged, match="37 different ones"):
        read(site, settings, work)


def test_a_long_question_is_posted_as_a_form(settings: Settings, work: Path) -> None:
    where = "CODE NOT IN (" + ",".join(f"'{n}'" for n in range(600)) + ")"
    with serving(Layer()) as site:
        assert read(site, settings, work, where=where).keys == ALL
        assert {a.method for a in site.asked if "where" in a.query} == {"POST"}


def test_a_server_with_shorter_addresses_than_usual_gets_the_form_after_414(settings: Settings, work: Path) -> None:
    with serving(Layer(address_max=150)) as site:
        assert read(site, settings, work).keys == ALL
        assert "POST" in {a.method for a in site.asked}


def test_batches_are_no_larger_than_asked(settings: Settings, work: Path) -> None:
    with serving(Layer()) as site:
        whole = read(site, settings, work, rows=4)
    assert max(whole.batches) == 4
    assert whole.keys == ALL


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"type": "Raster Layer", "geometryType": None}, "Raster Layer without vector features"),
        ({"type": "Group Layer", "geometryType": None}, "cannot be loaded"),
        ({"capabilities": "Map"}, "may not be queried"),
        ({"fields": [{"name": "A", "type": "esriFieldTypeString"}]}, "no object id"),
    ],
)
def test_a_layer_that_cannot_be_queried_says_so(
    settings: Settings, work: Path, told: dict[str, Any], words: str
) -> None:
    with serving(Layer(description=told)) as site, pytest.raises(BadSource, match=words):
        read(site, settings, work)


def test_the_address_of_a_service_is_answered_with_its_layers(settings: Settings, work: Path, data: Path) -> None:
    root = json.loads((data / "ogc_documents/arcgis_rest/map.json").read_text())
    with serving(lambda asked: say(root)) as site, pytest.raises(BadSource, match="0 Wetlands"):
        read(site, settings, work)


def test_the_layer_number_may_stand_apart_from_the_service(settings: Settings, work: Path) -> None:
    with serving(Layer()) as site:
        source = Source("arcgis", f"{site.url}/MapServer", layer="7")
        assert read_all(source, settings, work).keys == ALL
        assert site.asked[0].path == "/MapServer/7"


def test_a_real_layer_description_is_understood(settings: Settings, work: Path, data: Path) -> None:
    told = json.loads((data / "ogc_documents/arcgis_rest/map-layer.json").read_text())

    def answer(asked: Asked) -> Answer:
        return say({"count": 3} if asked.path.endswith("/query") else told)

    with serving(answer) as site:
        source = Source("arcgis", f"{site.url}/MapServer/0")
        from ingest.read import open_source

        with open_source(source, settings, work=work) as reader:
            described = reader.describe()
    assert (described.name, described.geometry, described.srid) == ("Wetlands", "MultiPolygon", 3857)
    assert described.key == "Wetlands.OBJECTID"
    assert {"Wetlands.WETLAND_TYPE", "Wetlands.ACRES"} <= {field.name for field in described.fields}


def test_a_redirect_to_another_host_is_refused_unless_allowed(settings: Settings, work: Path) -> None:
    with serving(Layer()) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")

        def send_on(asked: Asked) -> Answer:
            return Answer(status=302, headers={"Location": elsewhere + asked.target})

        with serving(send_on) as site:
            with pytest.raises(RefusedSource, match="sends us on to localhost"):
                read(site, settings, work)
            assert other.asked == []
            assert read(site, replace(settings, source_other_hosts=True), work).keys == ALL


def test_a_redirect_to_a_file_is_refused(settings: Settings, work: Path) -> None:
    def send_on(asked: Asked) -> Answer:
        return Answer(status=302, headers={"Location": "file:///etc/passwd"})

    with serving(send_on) as site, pytest.raises(RefusedSource, match="not an http"):
        read(site, settings, work)


def test_an_endless_answer_is_cut_off(settings: Settings, work: Path) -> None:
    small = replace(settings, source_page_bytes_max=500)
    with serving(Layer()) as site, pytest.raises(RefusedSource, match="more than 500 bytes"):
        read(site, small, work)


def test_requests_keep_the_pace_that_is_set(settings: Settings, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("ingest.http.time.sleep", waits.append)
    with serving(Layer()) as site:
        read(site, replace(settings, source_requests_per_second=5.0), work)
        asked = len(site.asked)
    assert len(waits) == asked - 1
    assert max(waits) <= 0.2


def test_waits_between_repetitions_double(settings: Settings, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("ingest.http.time.sleep", waits.append)
    patient = replace(settings, source_backoff_s=1.0, source_retries=4, source_requests_per_second=1e9)
    with serving(lambda asked: say({}, status=503)) as site, pytest.raises(SourceUnavailable):
        read(site, patient, work)
    assert [wait for wait in waits if wait >= 1.0] == [1.0, 2.0, 4.0, 8.0]


def test_the_pretend_layer_is_of_the_shape_of_a_real_one(data: Path) -> None:
    real = json.loads((data / "ogc_documents/arcgis_rest/map-layer.json").read_text())
    assert set(LAYER) <= set(real)


def test_a_server_that_falls_silent_is_asked_again(settings: Settings, work: Path) -> None:
    impatient = replace(settings, source_timeout_s=0.2)
    silent = [True]
    layer = Layer()

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/query") and "returnCountOnly" not in asked.query and silent:
            silent.pop()
            time.sleep(0.5)
        return layer(asked)

    with serving(answer) as site:
        assert read(site, impatient, work).keys == ALL
    assert silent == []


def test_the_day_of_the_last_edit_is_the_date_of_the_data(settings: Settings, work: Path) -> None:
    with serving(Layer(description={"editingInfo": {"lastEditDate": 1_457_446_273_417}})) as site:
        assert read(site, settings, work).described.date == "2016-03-08"


def test_an_answer_in_another_crs_than_asked_for_is_not_placed_wrongly(settings: Settings, work: Path) -> None:
    class Stubborn(Layer):
        def rows(self, query: dict[str, str]) -> Answer:
            told = json.loads(super().rows(query).body)
            return say({**told, "spatialReference": {"wkid": 102100, "latestWkid": 3857}})

    with serving(Stubborn()) as site, pytest.raises(BadSource, match="EPSG:3857 although EPSG:31370"):
        read(site, settings, work)
    with serving(Stubborn()) as site:
        assert read(site, settings, work, crs=3857).keys == ALL
