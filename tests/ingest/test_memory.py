"""However many rows a file has, the loader holds a batch of them."""

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from geoserver_app.settings import Settings
from tests.conftest import TestDatabase, environment
from tests.ingest.support import ask, table

MEASURED = """
import re, sys
from pathlib import Path
from geoserver_app.cli import app
try:
    app()
finally:
    # Not getrusage, whose peak a process inherits from its parent.
    status = Path("/proc/self/status").read_text()
    print("peak", int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) // 1024, file=sys.stderr)
"""
ALLOWED_MB = 250
"""More than the smallest load takes: a few batches, indexes of keys, what allocators keep."""


def write_parcels(path: Path, count: int) -> None:
    """Sixteen-cornered parcels in a grid, written in parts so that the test needs little memory itself."""
    rng, corners = np.random.default_rng(7), 16
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    for start in range(0, count, 50_000):
        number = np.arange(start, min(start + 50_000, count))
        radius = 20 + 8 * rng.random((len(number), corners))
        x = 150_000 + (number % 1000 * 60.0)[:, None] + radius * np.cos(angles)
        y = 100_000 + (number // 1000 * 60.0)[:, None] + radius * np.sin(angles)
        rings = np.stack([x, y], axis=-1)
        shapes = shapely.polygons(np.concatenate([rings, rings[:, :1]], axis=1))
        pyogrio.raw.write(
            path, geometry=shapely.to_wkb(shapes), geometry_type="Polygon", crs="EPSG:31370", driver="GPKG",
            field_data=[np.array([f"parcel {n}" for n in number], dtype=object), rng.random(len(number))],
            fields=["name", "value"], append=start > 0,
        )  # fmt: skip


def add(settings: Settings, file: Path, *more: str) -> int:
    """Add a file in a process of its own; gives its peak of memory in megabytes."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "add", str(file), *more],
        env=environment(settings), capture_output=True, text=True, check=False, timeout=3600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = re.search(r"^peak (\d+)$", done.stderr, re.MULTILINE)
    assert found
    return int(found.group(1))


def interrupt(database: TestDatabase, settings: Settings, file: Path) -> None:
    """Begin to add a file and stop as a person would, by Ctrl-C, once rows are being read."""
    process = subprocess.Popen(
        [sys.executable, "-m", "geoserver_app", "add", str(file)], env=environment(settings),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and ask(database, "SELECT count(*) FROM system.load WHERE state = 'running'") == [
        (0,)
    ]:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert (process.returncode, "interrupted" in said) == (130, True)
    assert not (settings.layers / f"{file.stem}.toml").exists()


@pytest.mark.parametrize(
    "count", [10_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_polygons_by_the_thousand_load_in_little_memory_even_after_an_interruption(
    database: TestDatabase, tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("layers", "styles"):
        (tmp_path / name).mkdir()
    settings = replace(
        database.settings, layers=tmp_path / "layers", styles=tmp_path / "styles", bake_zoom_max=6,
        batch_rows=max(1_000, count // 50),
    )  # fmt: skip
    write_parcels(tmp_path / "few.gpkg", 10)
    write_parcels(tmp_path / "many.gpkg", count)
    few = add(settings, tmp_path / "few.gpkg")
    interrupt(database, settings, tmp_path / "many.gpkg")
    many = add(settings, tmp_path / "many.gpkg")
    with capsys.disabled():
        print(f"\n{count:,} polygons: peak {many} MB, of which {few} MB with ten polygons")
    assert many - few < ALLOWED_MB
    rows = ask(
        database, f"SELECT count(*), count(DISTINCT fid), bool_and(ST_IsValid(geom)) FROM {table(database, 'many')}"
    )
    assert rows == [(count, count, True)]
    ((deepest,),) = ask(database, "SELECT bands -> -1 ->> 'table' FROM system.publication WHERE layer_id = 'many'")
    assert ask(database, f"SELECT count(DISTINCT fid) FROM reference.{deepest}") == [(count,)]
