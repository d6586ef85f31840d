"""SPW's bulk downloads: found through the feed, fetched whole, read through the file reader."""

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.read import BadSource, RefusedSource, SourceUnavailable, open_source
from tests.ingest_readers.reading import Whole, read_all
from tests.ingest_readers.server import Answer, Asked, Site, serving

UUID = "68cfc9ff-651a-4757-b792-6bde0e238c2f"
POINTS = "id;lon;lat;nom\n007;5.2;50.5;Huy\n008;5.3;50.6;Amay\n"


def packed(folder: Path) -> bytes:
    """A zip with two tables of points and the page of conditions."""
    path = folder / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("PICC/VOIRIE_AXE.csv", POINTS)
        archive.writestr("PICC/CONSTR.csv", "id;lon;lat\n1;5;50\n")
        archive.writestr("PICC/Conditions_Utilisation_Access.html", "<p>CC-BY 4.0</p>")
    return path.read_bytes()


class Downloads:
    """The results folder of one dataset."""

    def __init__(self, body: bytes, *, length: int | None = None) -> None:
        self.body = body
        self.length = len(body) if length is None else length
        self.names = ["PICC_SHAPE_31370_PROV_LIEGE.zip", "PICC_SHAPE_31370_PROV_NAMUR.zip", "PICC_GEOPACKAGE_31370.zip"]
        self.faults: list[Answer] = []

    def __call__(self, asked: Asked) -> Answer:
        base = f"/spwdatadownload/results/{UUID}"
        if asked.path == f"{base}/atom_service.xml":
            return self.feed('<link rel="alternate" type="application/atom+xml" href="atom_dataset.xml"/>')
        if asked.path == f"{base}/atom_dataset.xml":
            return self.feed(*(f'<link rel="section" href="{base}/{n}" length="{self.length}"/>' for n in self.names))
        if asked.path.startswith(f"{base}/") and asked.path.endswith(".zip"):
            return self.faults.pop(0) if self.faults else Answer(self.body)
        return Answer(b"no such thing", 404)

    def feed(self, *links: str) -> Answer:
        entries = "".join(f"<entry><title>x</title><updated>2026-03-24T00:00:00Z</updated>{li}</entry>" for li in links)
        body = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'
        return Answer(body.encode())


def source(site: Site, layer: str) -> Source:
    return Source("spw", f"{site.url}/spwdatadownload/results/{UUID}", layer=layer, crs=31370)


def read(site: Site, layer: str, settings: Settings, work: Path) -> Whole:
    return read_all(source(site, layer), settings, work)


@pytest.mark.parametrize(
    "layer", ["SHAPE:LIEGE:VOIRIE_AXE", "PICC_SHAPE_31370_PROV_LIEGE.zip:VOIRIE_AXE", "shape:liege:VOIRIE_AXE.csv"]
)
def test_a_member_is_found_by_format_and_province_or_by_file_name(
    settings: Settings, work: Path, tmp_path: Path, layer: str
) -> None:
    with serving(Downloads(packed(tmp_path))) as site:
        whole = read(site, layer, settings, work)
        assert site.asked[-1].path.endswith("PICC_SHAPE_31370_PROV_LIEGE.zip")
        assert all("Range" not in asked.headers for asked in site.asked)
    assert whole.column("nom") == ["Huy", "Amay"]
    assert whole.column("id") == ["007", "008"]
    assert whole.described.date == "2026-03-24"
    assert whole.described.srid == 4326


def test_the_page_of_conditions_is_kept_while_the_reader_is_open(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    with serving(Downloads(packed(tmp_path))) as site:
        reader = open_source(source(site, "SHAPE:LIEGE:VOIRIE_AXE"), settings, work=work)
        page = reader.describe().licence_page
        assert page is not None
        assert page.read_text() == "<p>CC-BY 4.0</p>"
        reader.close()
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("SHAPE:HAINAUT:VOIRIE_AXE", "no file fits .*PROV_LIEGE"),
        ("SHAPE:LIEGE:NOTHING", "VOIRIE_AXE, CONSTR"),
        ("SHAPE:LIEGE", "several layers"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(
    settings: Settings, work: Path, tmp_path: Path, layer: str, words: str
) -> None:
    with serving(Downloads(packed(tmp_path))) as site, pytest.raises(BadSource, match=words):
        read(site, layer, settings, work)


def test_a_cut_download_starts_again_and_leaves_nothing_half(settings: Settings, work: Path, tmp_path: Path) -> None:
    body = packed(tmp_path)
    downloads = Downloads(body)
    downloads.faults = [Answer(body[:100], announced=len(body)), Answer(body[:100]), Answer(b"", 503)]
    with serving(downloads) as site:
        assert read(site, "SHAPE:LIEGE:VOIRIE_AXE", settings, work).column("nom") == ["Huy", "Amay"]
        assert sum(asked.path.endswith(".zip") for asked in site.asked) == 4


def test_a_download_that_is_always_cut_fails(settings: Settings, work: Path, tmp_path: Path) -> None:
    body = packed(tmp_path)
    downloads = Downloads(body)
    downloads.faults = [Answer(body[:100])] * 50
    with serving(downloads) as site, pytest.raises(SourceUnavailable, match="broke off after 100 of"):
        read(site, "SHAPE:LIEGE:VOIRIE_AXE", settings, work)
    assert list(work.iterdir()) == []


def test_an_expired_basket_is_explained(settings: Settings, work: Path, tmp_path: Path) -> None:
    downloads = Downloads(packed(tmp_path))
    downloads.faults = [Answer(b"<html>Download Dataset Expired</html>", 404)]
    with serving(downloads) as site, pytest.raises(BadSource, match="has expired"):
        read(site, "SHAPE:LIEGE:VOIRIE_AXE", settings, work)


def test_a_download_beyond_the_limit_is_refused_before_it_is_fetched(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    small = replace(settings, source_download_bytes_max=100)
    words = "MAILLAGE_SOURCE_DOWNLOAD_BYTES_MAX"
    with serving(Downloads(packed(tmp_path))) as site, pytest.raises(RefusedSource, match=words):
        read(site, "SHAPE:LIEGE:VOIRIE_AXE", small, work)


def test_a_feed_that_leads_to_another_host_is_not_followed(settings: Settings, work: Path, tmp_path: Path) -> None:
    def away(asked: Asked) -> Answer:
        link = '<link href="http://169.254.169.254/latest/data_SHAPE_31370_PROV_LIEGE.zip"/>'
        return Downloads(b"").feed(link) if asked.path.endswith(".xml") else Answer(b"", 404)

    with serving(away) as site, pytest.raises(RefusedSource, match="sends us on to 169"):
        read(site, "SHAPE:LIEGE:VOIRIE_AXE", settings, work)
