"""Whole layers leave piece by piece: little memory, and never half an answer that looks whole."""

import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from geoserver_app.core.layer import Field, Layer, Text
from geoserver_app.core.publication import Published
from geoserver_app.core.query import Query
from geoserver_app.features.format import Exports, Reading
from geoserver_app.features.formats.csv import Csv
from geoserver_app.store.engine import Database
from geoserver_app.store.loading import connect_owner
from tests.conftest import TestDatabase, serving
from tests.features.hydrants import LICENCE, create_table, publish_table
from tests.tiles.hand import describe, with_folders

ROWS = 20_000
WIDE = Layer(
    id="wide",
    title=Text("Large", "Wide"),
    geometry="Point",
    crs=31370,
    fields=(Field("text", "string", Text("Texte", "Text")),),
    licence=LICENCE,
)


@pytest.fixture(scope="module")
def wide_site(shared_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> TestDatabase:
    made = with_folders(shared_database, tmp_path_factory.mktemp("catalogue"))
    describe(made.settings, WIDE)
    return made


@pytest.fixture(scope="module")
def wide(wide_site: TestDatabase) -> Published:
    """20,000 points with four kilobytes of text each: 80 MB."""
    create_table(wide_site.owner_url, "wide_p1", WIDE)
    with connect_owner(wide_site.owner_url) as connection:
        connection.execute(
            f"""INSERT INTO reference.wide_p1
                SELECT i, 'k' || i, false, repeat(md5(i::text), 128),
                       ST_SetSRID(ST_MakePoint(150000 + i, 100000), 31370)
                FROM generate_series(1, {ROWS}) i"""
        )
    return publish_table(wide_site.owner_url, "wide_p1", WIDE)


async def test_a_download_of_any_size_takes_the_memory_of_one_chunk(wide_site: TestDatabase, wide: Published) -> None:
    database = Database.open(wide_site.app_url, wide_site.settings)
    reading = Reading(database, wide_site.settings, Query(wide), Exports(1))
    size = lines = 0
    tracemalloc.start()
    try:
        async for piece in Csv().write(reading):
            size += len(piece)
            lines += piece.count(b"\r\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        await database.close()
    assert lines == ROWS + 1
    assert size > 80_000_000
    assert peak < 40_000_000


@pytest.fixture(scope="module")
def wide_served(wide_site: TestDatabase, wide: Published) -> Iterator[str]:
    with serving(wide_site.settings) as url:
        yield url


@pytest.mark.parametrize("address", ["f=csv", "f=json&limit=10000"])
def test_a_failure_on_the_way_breaks_the_transfer(wide_site: TestDatabase, wide_served: str, address: str) -> None:
    url = f"{wide_served}/ogc/collections/wide/items?{address}"
    got = b""
    with httpx.stream("GET", url, timeout=60) as answer:
        assert answer.status_code == 200
        pieces = answer.iter_raw(65_536)
        got += next(pieces)
        with connect_owner(wide_site.owner_url) as connection:
            connection.execute("ALTER TABLE reference.wide_p1 RENAME TO gone")
        try:
            with pytest.raises(httpx.TransportError):
                for piece in pieces:
                    got += piece
        finally:
            with connect_owner(wide_site.owner_url) as connection:
                connection.execute("ALTER TABLE reference.gone RENAME TO wide_p1")
    assert len(got) < 40_000_000
    assert not got.endswith((b"}", b"\r\n"))
    assert httpx.get(f"{wide_served}/ogc/collections/wide/items/1").status_code == 200


def test_a_client_that_leaves_lets_the_server_go_on(wide_served: str) -> None:
    for _ in range(12):
        with httpx.stream("GET", f"{wide_served}/ogc/collections/wide/items?f=csv", timeout=60) as answer:
            next(answer.iter_raw(1_000))
    assert httpx.get(f"{wide_served}/ogc/collections/wide/items?limit=1", timeout=60).status_code == 200


def waiting(site: TestDatabase) -> int:
    with psycopg.connect(site.app_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
            " AND wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])


def settles(site: TestDatabase, wanted: int) -> bool:
    deadline = time.monotonic() + 10
    while waiting(site) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return waiting(site) == wanted


@pytest.mark.parametrize("address", ["items?f=csv", "items?f=json", "items?f=html", "items?f=gpkg", "items/1"])
def test_a_client_that_leaves_early_ends_the_statement(wide_site: TestDatabase, wide_served: str, address: str) -> None:
    with psycopg.connect(wide_site.owner_url) as connection:
        connection.execute("LOCK TABLE reference.wide_p1")
        with ThreadPoolExecutor(1) as aside, httpx.Client() as client:
            asked = aside.submit(client.get, f"{wide_served}/ogc/collections/wide/{address}", timeout=2)
            assert settles(wide_site, 1)
            with pytest.raises(httpx.ReadTimeout):
                asked.result()
        assert settles(wide_site, 0)
