"""One server that shows every real file, published as a newcomer would: `maillage add`."""

import dataclasses
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.real import REAL, Real
from tests.conftest import REPOSITORY, Server, TestDatabase, maillage, serving


@dataclass(frozen=True)
class Published:
    """The running server and what `maillage add` printed for each file."""

    url: str
    database: TestDatabase
    printed: dict[str, str]


@pytest.fixture(scope="session")
def real(
    postgres: Server, template: str, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Published]:
    home = tmp_path_factory.mktemp("real")
    for folder in ("layers", "styles"):
        shutil.copytree(REPOSITORY / folder, home / folder)
    name = f"real_{secrets.token_hex(4)}"
    postgres.create(name, template)
    described = postgres.described(name, home)
    # Archives are not looked at here, and deeper ones take long.
    settings = dataclasses.replace(described.settings, layers=home / "layers", styles=home / "styles", bake_zoom_max=11)
    described = dataclasses.replace(described, settings=settings)
    try:
        printed = {}
        for item in REAL:
            done = maillage(settings, "add", str(shared_data / item.file), "--id", item.id, *item.arguments)
            assert done.returncode == 0, f"{item.id}: {done.stdout}{done.stderr}"
            printed[item.id] = done.stdout + done.stderr
        with serving(settings, workers=2) as url:
            yield Published(url, described, printed)
    finally:
        postgres.drop(name)


@pytest.fixture(params=REAL, ids=lambda item: item.id)
def item(request: pytest.FixtureRequest) -> Real:
    found: Real = request.param
    return found
