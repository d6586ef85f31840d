"""Rows and the files that describe them stay together: over a rollback, over a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from geoserver_app.catalogue import read_catalog
from geoserver_app.core.errors import Conflict
from geoserver_app.core.layer import Layer
from geoserver_app.settings import Settings
from ingest import cli
from ingest.descriptions import kept_folder, note, pending
from ingest.rollback import rollback_layer
from tests.conftest import TestDatabase, application, environment
from tests.ingest.support import Row, a_field, a_layer, ask, load, published, revision
from tests.ingest.test_add import add, geojson

LINE = {"type": "LineString", "coordinates": [[5, 50.5], [5.1, 50.6]]}
SQUARES: list[Row] = [("1", "POLYGON ((0 0, 0 1, 1 1, 1 0, 0 0))", {})]


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Settings:
    """Folders of layers and styles of the test's own, empty."""
    for name in ("layers", "styles"):
        (tmp_path / name).mkdir()
    return replace(database.settings, layers=tmp_path / "layers", styles=tmp_path / "styles", bake_zoom_max=4)


def files(settings: Settings) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (*settings.layers.iterdir(), *settings.styles.iterdir())}


def layer(settings: Settings) -> Layer:
    return read_catalog(settings.layers, settings.styles).layers["points"]


@pytest.fixture
def replaced(database: TestDatabase, settings: Settings, tmp_path: Path) -> dict[str, bytes]:
    """Points with a field ``a``, titled by hand, replaced by a line with a field ``b``; the first one's files."""
    file = geojson(tmp_path / "points.geojson", [{"a": 1}, {"a": 2}])
    add(database, settings, file)
    described = settings.layers / "points.toml"
    described.write_text("# by hand\n" + described.read_text().replace('fr = "points"', 'fr = "Bornes"'))
    first = files(settings)
    other = tmp_path / "other.geojson"
    line = {"type": "Feature", "properties": {"b": 2.5}, "geometry": LINE}
    other.write_text(json.dumps({"type": "FeatureCollection", "features": [line]}))
    add(database, settings, other, id="points", replace=True)
    assert (layer(settings).geometry, [f.name for f in layer(settings).fields]) == ("LineString", ["b"])
    return first


async def test_a_rollback_over_a_replacement_brings_the_files_back(
    database: TestDatabase,
    settings: Settings,
    replaced: dict[str, bytes],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    second = files(settings)
    assert cli.rollback(settings, database.owner_url, "points") == 0
    assert "its layer and style files are those of these rows again" in capsys.readouterr().out
    assert files(settings) == replaced
    assert (kept_folder(settings, "points") / "replaced.toml").read_bytes() == second["points.toml"]
    async with application(settings) as client:
        items = (await client.get("/ogc/collections/points/items?f=json")).json()["features"]
        assert [item["properties"]["a"] for item in items] == [1, 2]
        assert {item["geometry"]["type"] for item in items} == {"Point"}
    with pytest.raises(Conflict, match="no earlier revision"):
        rollback_layer(settings, database.owner_url, "points")
    # What comes next goes on from there.
    assert cli.ingest(settings, database.owner_url, ("points",)) == 0
    assert published(database, "a", "points") == [1, 2]
    add(database, settings, tmp_path / "other.geojson", id="points", replace=True)
    assert published(database, "b", "points") == [2.5]
    assert cli.rollback(settings, database.owner_url, "points") == 0
    assert files(settings) == replaced
    assert pending(settings) == []


def test_a_rollback_leaves_files_alone_that_describe_the_rows(
    database: TestDatabase,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = geojson(tmp_path / "points.geojson", [{"a": 1}])
    add(database, settings, file)
    geojson(file, [{"a": 1}, {"a": 2}])
    assert cli.ingest(settings, database.owner_url, ("points",)) == 0
    described = settings.layers / "points.toml"
    described.write_text(described.read_text().replace('fr = "points"', 'fr = "Bornes"'))
    edited = files(settings)
    assert cli.rollback(settings, database.owner_url, "points") == 0
    assert "files" not in capsys.readouterr().out
    assert files(settings) == edited
    assert published(database, "a", "points") == [1]


def test_a_rollback_to_rows_that_nothing_describes_is_refused(
    database: TestDatabase,
    settings: Settings,
    replaced: dict[str, bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in kept_folder(settings, "points").iterdir():
        path.unlink()
    before = files(settings)
    assert cli.rollback(settings, database.owner_url, "points") == 1
    said = capsys.readouterr().err
    assert "points.toml does not describe the earlier rows" in said
    assert "a (bigint)" in said and "geom (geometry(point,4326))" in said
    assert (files(settings), revision(database, "points")) == (before, 2)
    # Put back by hand, they are taken.
    for name, content in replaced.items():
        folder = settings.layers if name.endswith(".toml") else settings.styles
        (folder / name).write_bytes(content)
    assert cli.rollback(settings, database.owner_url, "points") == 0
    assert files(settings) == replaced


def test_descriptions_go_with_their_publications(database: TestDatabase, settings: Settings) -> None:
    one = replace(database, settings=replace(settings, revisions_kept=1))
    for count in range(1, 4):
        load(one, a_layer(fields=(a_field(f"f{count}"),)), SQUARES, types={f"f{count}": "string"})
    ids = {str(row[0]) for row in ask(database, "SELECT id FROM system.publication")}
    assert len(ids) == 2
    assert {path.stem for path in kept_folder(settings, "things").iterdir()} == ids


def test_files_that_a_killed_replacement_did_not_write_are_written_by_the_next_command(
    database: TestDatabase,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add(database, settings, geojson(tmp_path / "things.geojson", [{"a": 1}]))
    # What a kill after the swap leaves: the note, the new rows and what is kept with them, the old files.
    note(settings, "things")
    load(replace(database, settings=settings), a_layer(fields=(a_field("name"),)), SQUARES)
    assert [f.name for f in read_catalog(settings.layers, settings.styles).layers["things"].fields] == ["a"]
    assert cli.layers(settings, database.owner_url) == 0
    assert "things: an interrupted command's layer and style files were put right" in capsys.readouterr().out
    text = (settings.layers / "things.toml").read_text()
    assert 'name = "name"' in text and 'geometry = "MultiPolygon"' in text
    assert pending(settings) == []
    assert cli.layers(settings, database.owner_url) == 0
    assert "put right" not in capsys.readouterr().out


def test_a_replacement_killed_around_its_swap_leaves_rows_and_files_that_fit(
    database: TestDatabase,
    settings: Settings,
    replaced: dict[str, bytes],
    tmp_path: Path,
) -> None:
    sources = ("points.geojson", "other.geojson")
    for trial in range(4):
        file = str(tmp_path / sources[trial % 2])
        at = revision(database, "points")
        command = [
            sys.executable,
            "-m",
            "geoserver_app.cli",
            "add",
            file,
            "--id",
            "points",
            "--replace",
        ]
        process = subprocess.Popen(
            command, env=environment(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        folder = kept_folder(settings, "points")
        # The first two die as soon as they leave a note, the others when the rows have changed.
        while process.poll() is None:
            if (trial < 2 and (folder / "pending").exists()) or revision(database, "points") != at:
                break
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert cli.layers(settings, database.owner_url) == 0
        field = layer(settings).fields[0].name
        assert field == ("a" if layer(settings).geometry == "Point" else "b")
        assert published(database, field, "points") == ([1, 2] if field == "a" else [2.5])
        assert pending(settings) == []
