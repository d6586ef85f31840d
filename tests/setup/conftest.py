"""Homes of clusters that a test may start, kill and throw away."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from geoserver_app.store.cluster import Cluster


def throw_away(home: Path) -> None:
    cluster = Cluster(home)
    if (home / "cluster.json").exists():
        cluster.enter()
        cluster.leave()
        folder = json.loads((home / "cluster.json").read_text())["folder"]
        shutil.rmtree(home / folder)
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def make_home() -> Iterator[Callable[[], Path]]:
    """Makes folders that PostgreSQL's user can reach, which pytest's own are not for root."""
    made: list[Path] = []

    def make() -> Path:
        home = Path(tempfile.mkdtemp(prefix="maillage-"))
        home.chmod(0o755)
        made.append(home)
        return home

    yield make
    for home in made:
        throw_away(home)


@pytest.fixture(scope="module")
def home(make_home: Callable[[], Path]) -> Path:
    """One home that the tests of a module share; every test leaves it stopped."""
    return make_home()
