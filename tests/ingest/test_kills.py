"""A loader killed at any moment: what is served never changes or tears, and the next run succeeds."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import psycopg
import pyogrio
import pytest
import shapely

from geoserver_app.catalogue import default_style, write_layer, write_style
from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest import cli
from tests.conftest import REPOSITORY, TestDatabase, environment
from tests.ingest.support import a_field, a_layer, ask

ROWS = 3_000
FEW = pytest.param(20, marks=pytest.mark.timeout(1200))
MANY = pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(7200)])


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Settings:
    for name in ("layers", "styles"):
        (tmp_path / name).mkdir()
    return replace(
        database.settings, layers=tmp_path / "layers", styles=tmp_path / "styles", bake_zoom_max=8, batch_rows=500
    )


def write_source(path: Path, version: int) -> None:
    """Polygons whose every attribute and coordinate tells the version they belong to."""
    number = np.arange(ROWS)
    x, y = number % 60 * 0.01, number // 60 * 0.01 + version
    path.unlink(missing_ok=True)
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(shapely.box(x, y, x + 0.009, y + 0.009)),
        field_data=[number, np.full(ROWS, version)],
        fields=["key", "version"],
        geometry_type="Polygon",
        crs="EPSG:4326",
        driver="FlatGeobuf",
    )


def state(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[object, ...]:
    """What a server would read in one transaction: the revision and a digest of all tables behind it."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute(
            "SELECT revision, table_name, bands FROM system.revision r "
            "JOIN system.publication p ON p.id = publication_id WHERE r.layer_id = 'things'"
        ).fetchone()
        assert row is not None
        revision, table, bands = row
        names = [str(table), *(band["table"] for band in bands)]  # type: ignore[attr-defined]
        digests = [
            connection.execute(
                f"SELECT count(*), min(version), max(version), md5(string_agg(md5(t::text), '' ORDER BY fid)) "
                f"FROM reference.{name} t"
            ).fetchone()
            for name in names
        ]
        return (revision, *digests)


class Reader(threading.Thread):
    """Reads what is served all the time and remembers every state it saw."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.seen, self.failed = url, set[tuple[object, ...]](), list[str]()
        self.ended = threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.ended.is_set():
                try:
                    self.seen.add(state(connection))
                except (psycopg.Error, AssertionError) as error:
                    self.failed.append(str(error))
                self.ended.wait(0.02)


def start(settings: Settings) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "geoserver_app", "ingest", "things", "--force"]
    return subprocess.Popen(
        command, env=environment(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def wait_for_load(database: TestDatabase, loads: int, process: subprocess.Popen[bytes]) -> None:
    """Until the process has begun its load: what is before that is only Python starting."""
    while process.poll() is None and ask(database, "SELECT count(*) FROM system.load")[0][0] <= loads:
        time.sleep(0.005)


@pytest.mark.parametrize("trials", [FEW, MANY])
def test_a_loader_killed_at_any_moment_leaves_what_is_served_whole(
    database: TestDatabase, settings: Settings, tmp_path: Path, trials: int
) -> None:
    file = tmp_path / "things.fgb"
    fields = (a_field("key", "integer"), a_field("version", "integer"))
    layer = a_layer(geometry="Polygon", fields=fields, source=Source("file", str(file), key="key"))
    write_style(settings.styles / "things.json", default_style(layer))
    write_layer(settings.layers / "things.toml", layer)
    write_source(file, 0)
    assert cli.ingest(settings, database.owner_url, ("things",)) == 0
    write_source(file, 1)
    began = time.monotonic()
    loads = ask(database, "SELECT count(*) FROM system.load")[0][0]
    whole = start(settings)
    wait_for_load(database, loads, whole)
    from_load = time.monotonic()
    assert whole.wait(120) == 0
    duration = time.monotonic() - from_load
    random_ = random.Random(trials)
    stages: Counter[str] = Counter()
    for trial in range(trials):
        version = trial % 2
        write_source(file, version)
        with psycopg.connect(database.owner_url, autocommit=True) as connection:
            before = state(connection)
        loads = ask(database, "SELECT count(*) FROM system.load")[0][0]
        reader = Reader(database.owner_url)
        reader.start()
        process = start(settings)
        wait_for_load(database, loads, process)
        time.sleep(random_.uniform(0, duration))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with psycopg.connect(database.owner_url, autocommit=True) as connection:
            after = state(connection)
        stages["before the swap" if after == before else "after the swap"] += 1
        if after != before:
            assert after[0] == int(str(before[0])) + 1
            assert all(digest[1] == digest[2] == version for digest in after[1:] if digest[0])  # type: ignore[index]
        assert cli.ingest(settings, database.owner_url, ("things",), force=True) == 0
        reader.ended.set()
        reader.join(30)
        assert reader.failed == []
        with psycopg.connect(database.owner_url, autocommit=True) as connection:
            final = state(connection)
        assert reader.seen <= {before, after, final}
        assert final[1][:3] == (ROWS, version, version)  # type: ignore[index]
    assert leftovers(database) == set()
    assert list(settings.home.glob("packs/.*")) == list(settings.home.glob("work/*")) == []
    if trials > 100:
        record(trials, stages, time.monotonic() - began)


def leftovers(database: TestDatabase) -> set[str]:
    """Tables of the layer that no publication owns."""
    there = {name for (name,) in ask(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'reference'")}
    owned = {"things_identity"}
    for table, bands in ask(database, "SELECT table_name, bands FROM system.publication"):
        owned |= {table, *(band["table"] for band in bands)}
    return there - owned


def record(trials: int, stages: Counter[str], seconds: float) -> None:
    """One line in the table of trials, in place of the one before."""
    file = REPOSITORY / "bench" / "TRIALS.md"
    file.parent.mkdir(exist_ok=True)
    title = "| Loader killed (-9) at a random moment |"
    told = ", ".join(f"{count} {stage}" for stage, count in sorted(stages.items()))
    result = f"{trials} kills: {told}; what was served never changed or tore, every next run succeeded"
    line = f"{title} {result} | {seconds:.0f} s |"
    head = ["# Trials", "", "| Trial | Result | Duration |", "|---|---|---|"]
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else head
    kept = [one for one in lines if not one.startswith(title)]
    file.write_text("\n".join([*kept, line]) + "\n", encoding="utf-8")
