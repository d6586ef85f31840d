"""The loader's commands: exit status, sentences, skipping, stopping."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from geoserver_app.catalogue import default_style, write_layer, write_style
from geoserver_app.core.layer import Layer, Source
from geoserver_app.settings import Settings
from ingest import cli
from tests.conftest import REPOSITORY, TestDatabase, environment
from tests.ingest.support import a_field, a_layer, ask, published, revision


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Settings:
    for name in ("layers", "styles"):
        (tmp_path / name).mkdir()
    return replace(database.settings, layers=tmp_path / "layers", styles=tmp_path / "styles", bake_zoom_max=2)


def describe(settings: Settings, *layers: Layer) -> None:
    for layer in layers:
        write_style(settings.styles / f"{layer.id}.json", default_style(layer))
        write_layer(settings.layers / f"{layer.id}.toml", layer)


def points(path: Path, count: int, name: str = "name") -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {name: f"point {n}"},
            "geometry": {"type": "Point", "coordinates": [n / 1e4, 1]},
        }
        for n in range(count)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def a_source(file: Path, layer_id: str = "things", **more: object) -> Layer:
    return a_layer(layer_id, geometry="Point", source=Source("file", str(file), **more))  # type: ignore[arg-type]


def test_all_skips_what_is_not_confirmed_says_so_and_succeeds(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = points(tmp_path / "points.geojson", 3)
    doubtful = a_source(file, "doubtful", confirmed=False, note="address not found")
    drill = a_layer("drill", geometry="Point", source=None, exercise_only=True)
    describe(settings, a_source(file), doubtful, drill)
    assert cli.ingest(settings, database.owner_url, (), every=True) == 0
    said = capsys.readouterr().out
    assert "doubtful: skipped, its source is not confirmed (address not found)" in said
    assert "drill: skipped" in said
    assert len(published(database)) == 3
    assert revision(database, "doubtful") is None


def test_naming_an_unconfirmed_layer_is_an_error_unless_a_source_is_given(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = points(tmp_path / "points.geojson", 3)
    describe(settings, a_source(tmp_path / "missing.geojson", confirmed=False))
    assert cli.ingest(settings, database.owner_url, ("things",)) == 1
    assert "'things' is not confirmed" in capsys.readouterr().err
    assert cli.ingest(settings, database.owner_url, ("things",), source=str(file)) == 0
    assert len(published(database)) == 3


def test_one_layer_that_fails_does_not_keep_the_others_from_loading(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = points(tmp_path / "points.geojson", 3)
    describe(settings, a_source(tmp_path / "missing.geojson", "absent"), a_source(file))
    assert cli.ingest(settings, database.owner_url, (), every=True) == 1
    assert "maillage: absent: " in capsys.readouterr().err
    assert len(published(database)) == 3


def test_a_mistake_in_one_file_does_not_keep_the_other_layers_from_loading(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = points(tmp_path / "points.geojson", 3)
    describe(settings, a_source(file), a_source(file, "wrong"), a_source(file, "ugly"))
    (settings.layers / "wrong.toml").write_text("title = ?")
    (settings.styles / "ugly.json").write_text("{}")
    assert cli.ingest(settings, database.owner_url, ("things",)) == 0
    said = capsys.readouterr()
    assert "mistakes in ugly.json, wrong.toml; `maillage check` tells them" in said.err
    assert "things: published as revision 1" in said.out
    assert cli.ingest(settings, database.owner_url, (), every=True) == 1
    assert "left out until their files are mended: ugly, wrong" in capsys.readouterr().err
    assert (revision(database), revision(database, "ugly"), revision(database, "wrong")) == (2, None, None)
    assert cli.ingest(settings, database.owner_url, ("wrong", "things")) == 1
    assert "left out until their files are mended: wrong" in capsys.readouterr().err
    assert revision(database) == 3
    assert cli.rollback(settings, database.owner_url, "things") == 0
    assert cli.layers(settings, database.owner_url) == 0


def test_a_mistake_in_one_file_does_not_keep_the_exercise_out_of_the_other_layers(
    database: TestDatabase, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("layers", "styles"):
        shutil.copytree(REPOSITORY / folder, getattr(settings, folder), dirs_exist_ok=True)
        for path in getattr(settings, folder).iterdir():
            if path.stem not in {"nuclear_zones", "seveso_sites"}:
                path.unlink()
    (settings.styles / "seveso_sites.json").write_text("{}")
    assert cli.exercise_load(settings, database.owner_url, scale=0.05) == 1
    assert "left out until their files are mended: seveso_sites" in capsys.readouterr().err
    assert revision(database, "nuclear_zones") == 1
    assert revision(database, "seveso_sites") is None
    assert cli.exercise_clear(settings, database.owner_url) == 0
    assert published_layers(database) == []


def published_layers(database: TestDatabase) -> list[str]:
    found = ask(database, "SELECT layer_id FROM system.revision WHERE publication_id IS NOT NULL ORDER BY layer_id")
    return [str(row[0]) for row in found]


def test_an_unknown_layer_is_named_with_the_known_ones(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(settings, a_source(points(tmp_path / "points.geojson", 1)))
    assert cli.ingest(settings, database.owner_url, ("thing",)) == 1
    assert "there is no layer 'thing'; the layers are things" in capsys.readouterr().err
    assert cli.ingest(settings, database.owner_url, ()) == 1
    assert cli.ingest(settings, database.owner_url, ("things",), every=True) == 1


def test_a_dry_run_says_that_nothing_was_published(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    describe(settings, a_source(points(tmp_path / "points.geojson", 3)))
    assert cli.ingest(settings, database.owner_url, ("things",), dry_run=True) == 0
    assert "things: checked, nothing published: 3 of 3 rows kept" in capsys.readouterr().out
    assert revision(database) is None


def test_rollback_and_layers_tell_what_is_published(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = points(tmp_path / "points.geojson", 3)
    describe(settings, a_source(file), a_source(file, "idle"))
    cli.ingest(settings, database.owner_url, ("things",))
    points(file, 4)
    cli.ingest(settings, database.owner_url, ("things",))
    capsys.readouterr()
    assert cli.rollback(settings, database.owner_url, "things") == 0
    assert "as revision 3" in capsys.readouterr().out
    assert len(published(database)) == 3
    assert cli.layers(settings, database.owner_url) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["things", "3", "0", "3"] in [line[:4] for line in lines]
    assert ["idle", "–", "not", "loaded"] in lines
    assert cli.rollback(settings, database.owner_url, "nothing") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_load_tidies_up_and_exits_130(
    database: TestDatabase, settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    file = points(tmp_path / "points.geojson", 20)
    layer = replace(a_source(file), fields=(a_field("name"),))
    describe(settings, layer)
    cli.ingest(settings, database.owner_url, ("things",))
    points(file, 30)
    with psycopg.connect(database.owner_url) as blocker:
        # The swap waits for this row, so the signal meets the load in its last step.
        blocker.execute("SELECT FROM system.revision WHERE layer_id = 'things' FOR UPDATE")
        process = subprocess.Popen(
            [sys.executable, "-m", "geoserver_app", "ingest", "things"],
            env=environment(settings), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        for _ in range(600):
            if ask(database, waiting) != [(0,)]:
                break
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said
    assert len(published(database)) == 20
    assert ask(database, "SELECT state FROM system.load ORDER BY id") == [("published",), ("interrupted",)]
    tables = ask(
        database, "SELECT tablename FROM pg_tables WHERE schemaname = 'reference' AND tablename LIKE '%%_p2%%'"
    )
    assert tables == []
