from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.conftest import TestDatabase, application
from tests.tiles.hand import layer, publish, with_folders


@pytest.fixture
def empty(database: TestDatabase, tmp_path: Path) -> TestDatabase:
    """A database and a catalogue without a layer."""
    return with_folders(database, tmp_path)


@pytest.fixture(scope="module")
async def broken_client(
    shared_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """A layer whose tables are gone: an address that reaches the database is a 500."""
    database = with_folders(shared_database, tmp_path_factory.mktemp("catalogue"))
    publish(database, layer("points"), [(1, "POINT(184781.2 128873.1)", {})])
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DROP TABLE reference.points_p1_z12, reference.points_p1_z16")
    async with application(database.settings) as client:
        yield client


@pytest.fixture(scope="module")
async def packed_client(
    shared_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """A server with one archive, whose bytes are `client.whole`."""
    from tests.tiles.test_pack import ROWS, ZONES, baked

    database = with_folders(shared_database, tmp_path_factory.mktemp("catalogue"))
    publish(database, ZONES, ROWS)
    target = baked(database, ZONES)
    async with application(database.settings) as client:
        client.whole = target.read_bytes()  # type: ignore[attr-defined]
        yield client
