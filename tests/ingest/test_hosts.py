"""Loads from services: a host that is down is waited for once; keys in addresses are told to nobody."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from geoserver_app.catalogue import default_style, write_layer, write_style
from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest import cli
from ingest.http import masked
from tests.conftest import TestDatabase, free_port
from tests.ingest.support import a_layer, ask
from tests.ingest_readers.server import Answer, serving


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Settings:
    for name in ("layers", "styles"):
        (tmp_path / name).mkdir()
    quick = replace(database.settings, source_backoff_s=0.001, source_retries=2, bake_zoom_max=2)
    return replace(quick, layers=tmp_path / "layers", styles=tmp_path / "styles")


def describe(settings: Settings, *sources: Source) -> None:
    for number, source in enumerate(sources):
        layer = a_layer(f"things_{number}", geometry="Point", source=source)
        write_style(settings.styles / f"{layer.id}.json", default_style(layer))
        write_layer(settings.layers / f"{layer.id}.toml", layer)


def test_a_host_that_cannot_be_reached_is_waited_for_once(
    database: TestDatabase, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    describe(
        settings,
        Source("arcgis", f"{url}/MapServer/0", key="name", crs=4326),
        Source("wfs", f"{url}/wfs", layer="a:b", key="name", crs=4326),
        Source("file", f"{url}/a.csv"),
    )
    assert cli.ingest(settings, database.owner_url, (), every=True) == 1
    said = capsys.readouterr().err
    assert said.count("no connection; asking again in") == 2
    assert "things_0: 127.0.0.1 could not be reached in 3 tries: no connection" in said
    for later in ("things_1", "things_2"):
        assert f"maillage: {later}: 127.0.0.1 could not be reached a moment ago" in said


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("https://h.be/a?key=geheim&x=1", "https://h.be/a?key=***&x=1"),
        ("https://h.be/a?x=1&api_key=geheim#f", "https://h.be/a?x=1&api_key=***#f"),
        ("https://h.be/a?Access_Token=geheim", "https://h.be/a?Access_Token=***"),
        ("ftp://me:geheim@h.be/a?password=geheim", "ftp://***@h.be/a?password=***"),
        ("https://h.be/a@b?monkey_count=3", "https://h.be/a@b?monkey_count=3"),
    ],
)
def test_passwords_and_keys_of_addresses_are_masked(written: str, told: str) -> None:
    assert masked(written) == told


def test_a_key_in_an_address_is_neither_stored_nor_said(
    database: TestDatabase, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    feature = {"type": "Feature", "properties": {"name": "a"}, "geometry": {"type": "Point", "coordinates": [5, 50]}}
    body = json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()

    with serving(lambda asked: Answer(body) if "a.geojson" in asked.path else Answer(b"", status=404)) as site:
        describe(
            settings,
            Source("file", f"{site.url}/a.geojson?key=geheim"),
            Source("file", f"{site.url}/b.csv?token=geheim"),
        )
        assert cli.ingest(settings, database.owner_url, (), every=True) == 1
    said = capsys.readouterr()
    assert "geheim" not in said.out + said.err
    stored = ask(database, "SELECT source, error FROM system.load ORDER BY id") + ask(
        database, "SELECT source, '' FROM system.publication"
    )
    assert stored
    assert "geheim" not in str(stored)
    assert "a.geojson?key=***" in str(stored)
