"""The page of conditions that comes with a bulk download stays beside what was loaded from it."""

from dataclasses import replace
from pathlib import Path

import pytest

from geoserver_app.core.layer import Layer, Source
from geoserver_app.settings import Settings
from ingest.load import ingest_layer
from ingest.source import BadSource
from tests.conftest import TestDatabase
from tests.ingest.support import a_field, a_layer, revision
from tests.ingest_readers.server import Site, serving
from tests.ingest_readers.test_spw import UUID, Downloads, packed


def points(site: Site, member: str = "VOIRIE_AXE") -> Layer:
    url = f"{site.url}/spwdatadownload/results/{UUID}"
    source = Source("spw", url, layer=f"SHAPE:LIEGE:{member}", key="id")
    return a_layer(geometry="Point", fields=(a_field("nom"),), source=source)


def kept(settings: Settings) -> list[tuple[str, str]]:
    return [(page.name, page.read_text()) for page in (settings.home / "licences").glob("*")]


def test_the_page_outlives_the_load_and_a_dry_run_or_failure_leaves_none(
    database: TestDatabase, tmp_path: Path
) -> None:
    settings = replace(database.settings, home=tmp_path / "home", source_requests_per_second=10_000.0)
    with serving(Downloads(packed(tmp_path))) as site:
        ingest_layer(settings, database.owner_url, points(site), dry_run=True)
        with pytest.raises(BadSource):
            ingest_layer(settings, database.owner_url, points(site, "NOTHING"))
        assert kept(settings) == []
        for _ in range(2):
            assert ingest_layer(settings, database.owner_url, points(site)).notes == ()
            assert kept(settings) == [("things.html", "<p>CC-BY 4.0</p>")]


def test_a_page_that_cannot_be_kept_is_told_and_the_rows_are_published(database: TestDatabase, tmp_path: Path) -> None:
    settings = replace(database.settings, home=tmp_path / "home", source_requests_per_second=10_000.0)
    settings.home.mkdir()
    (settings.home / "licences").write_text("a file where the folder should be")
    with serving(Downloads(packed(tmp_path))) as site:
        notes = ingest_layer(settings, database.owner_url, points(site)).notes
    assert len(notes) == 1
    assert notes[0].startswith("the source's conditions of use could not be kept")
    assert revision(database) == 1
