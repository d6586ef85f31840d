"""Tiles of running server processes: one query for all who wait, an end when they leave, news at once."""

import asyncio
import dataclasses
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from geoserver_app.settings import Settings
from tests.conftest import Server, TestDatabase, serving
from tests.tiles.hand import decode, layer, publish, publish_rows, with_folders

CONTROL = "POINT(184781.2 128873.1)"
TILE = "16/33652/22092"
QGIS_PYTHON = "/usr/bin/python3"
PLACE = ("540867.0", "6528011.6")
RUNNING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' "
    "AND query LIKE '%ST_AsMVT%' AND pid <> pg_backend_pid()"
)


@dataclasses.dataclass(frozen=True)
class Running:
    """Two servers on one database; `slow` takes as long as its layer says."""

    first: str
    second: str
    database: TestDatabase
    superuser_url: str

    def queries(self) -> int:
        """Tile statements that run in the database now."""
        with psycopg.connect(self.superuser_url) as connection:
            found = connection.execute(RUNNING).fetchone()
        assert found
        return int(str(found[0]))


@pytest.fixture(scope="module")
def running(
    postgres: Server, shared_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    database = with_folders(shared_database, tmp_path_factory.mktemp("catalogue"))
    settings = dataclasses.replace(database.settings, tile_timeout_ms=60_000, statement_timeout_ms=60_000)
    database = dataclasses.replace(database, settings=settings)
    publish(database, layer("points"), [(1, CONTROL, {})])
    for name, seconds in (("slow", 1.5), ("endless", 50)):
        publish(database, layer(name), [(1, CONTROL, {})])
        delay(database, name, seconds)
    with serving(settings) as first, serving(other(settings)) as second:
        name = urlsplit(database.owner_url).path.removeprefix("/")
        yield Running(first, second, database, postgres.url(name))


def other(settings: Settings) -> Settings:
    return dataclasses.replace(settings, home=settings.home / "second")


def delay(database: TestDatabase, name: str, seconds: float) -> None:
    """Put a view that sleeps in the place of the layer's deepest band."""
    with psycopg.connect(database.owner_url) as connection:
        found = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'reference' AND tablename LIKE %s", (f"{name}_p%_z16",)
        ).fetchone()
        assert found
        table = found[0]
        connection.execute(f"ALTER TABLE reference.{table} RENAME TO {table}_rows")
        connection.execute(
            f"CREATE VIEW reference.{table} AS SELECT t.fid, t.rank, t.minzoom, t.geom FROM reference.{table}_rows t, "
            f"LATERAL (SELECT pg_sleep({seconds} + 0 * t.fid)) s"
        )


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)


def leave(url: str, path: str) -> Callable[[], None]:
    """Ask for a tile on a connection of its own; returns what hangs up."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    return connection.close


async def test_many_who_ask_at_once_cost_one_query(running: Running) -> None:
    most = 0
    async with httpx.AsyncClient(base_url=running.first, timeout=30) as client:
        codings = ("br", "gzip", "zstd", "identity")
        asked = [
            asyncio.create_task(client.get(f"/tiles/slow/{TILE}.mvt", headers={"Accept-Encoding": codings[n % 4]}))
            for n in range(12)
        ]
        while not all(task.done() for task in asked):
            most = max(most, await asyncio.to_thread(running.queries))
            await asyncio.sleep(0.05)
        answers = await asyncio.gather(*asked)
    assert most == 1
    assert [answer.status_code for answer in answers] == [200] * 12
    assert all(set(decode(answer.content)["slow"]) == {1} for answer in answers)


def test_the_query_ends_when_the_client_leaves(running: Running) -> None:
    hang_up = leave(running.first, f"/tiles/endless/{TILE}.mvt")
    until(lambda: running.queries() == 1)
    hang_up()
    until(lambda: running.queries() == 0)


def test_the_query_goes_on_while_one_client_waits(running: Running) -> None:
    first = leave(running.first, f"/tiles/endless/{TILE}.mvt?")
    until(lambda: running.queries() == 1)
    second = leave(running.first, f"/tiles/endless/{TILE}.mvt")
    time.sleep(0.3)
    first()
    time.sleep(1)
    assert running.queries() == 1
    second()
    until(lambda: running.queries() == 0)


def test_the_server_answers_other_tiles_after_clients_left(running: Running) -> None:
    for _ in range(10):
        hang_up = leave(running.first, f"/tiles/endless/{TILE}.mvt")
        until(lambda: running.queries() == 1)
        hang_up()
        until(lambda: running.queries() == 0)
    answer = httpx.get(f"{running.first}/tiles/points/15/16826/11046.mvt", timeout=10)
    assert set(decode(answer.content)["points"]) == {1}


def test_a_new_revision_reaches_every_server_and_no_tile_is_of_two(running: Running) -> None:
    described = layer("points")
    tags: dict[str, int] = {}
    for revision in range(2, 8):
        with psycopg.connect(running.database.owner_url) as connection:
            assert publish_rows(connection, described, [(revision, CONTROL, {})]) == revision
        for url in (running.first, running.second):
            until(partial(shows, url, revision))
            tag, found = fids(url)
            assert tags.setdefault(tag, revision) == revision and found == {revision}
    assert len(tags) == 6


def shows(url: str, revision: int) -> bool:
    return fids(url)[1] == {revision}


def fids(url: str) -> tuple[str, set[int]]:
    answer = httpx.get(f"{url}/tiles/points/{TILE}.mvt")
    return answer.headers["etag"], set(decode(answer.content)["points"])


def test_head_tells_the_same_headers_without_a_body(running: Running) -> None:
    address = f"{running.first}/tiles/points/{TILE}.mvt"
    with httpx.Client() as client:
        head, get = client.head(address), client.get(address)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == get.headers["etag"]
        # The connection is still good for another request.
        assert client.get(address).content == get.content


@pytest.mark.clients
@pytest.mark.parametrize(
    "path",
    [
        "tiles/points/%7Bz%7D/%7Bx%7D/%7By%7D.mvt",
        "ogc/collections/points/tiles/WebMercatorQuad/%7Bz%7D/%7By%7D/%7Bx%7D",
    ],
)
def test_qgis_draws_the_tile_where_the_point_stands(running: Running, path: str) -> None:
    if subprocess.run([QGIS_PYTHON, "-c", "import qgis.core"], capture_output=True, check=False).returncode:
        missing("QGIS's Python module is not installed")
    # 4.858691 E, 50.469649 N in EPSG:3857.
    told = subprocess.run(
        [QGIS_PYTHON, str(Path(__file__).with_name("qgis_draws.py")), f"{running.first}/{path}", *PLACE, "300"],
        env={"QT_QPA_PLATFORM": "offscreen", "PATH": "/usr/bin:/bin", "HOME": str(running.database.settings.home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    pixels = json.loads(told.stdout)
    assert pixels, told.stderr
    middle = [sum(pixel[axis] for pixel in pixels) / len(pixels) for axis in (0, 1)]
    assert middle == pytest.approx([99.5, 99.5], abs=1)


def missing(reason: str) -> None:
    """Skip, or fail where the clients were meant to be installed."""
    if os.environ.get("MAILLAGE_TEST_CLIENTS"):
        pytest.fail(reason)
    pytest.skip(reason)


def test_a_full_queue_is_told_as_busy(shared_database: TestDatabase, tmp_path: Path) -> None:
    database = with_folders(shared_database, tmp_path)
    settings = dataclasses.replace(database.settings, pool_size=3, tile_queue_max=1, tile_timeout_ms=20_000)
    publish(dataclasses.replace(database, settings=settings), layer("busy"), [(1, CONTROL, {})])
    delay(database, "busy", 50)
    with serving(dataclasses.replace(settings, home=tmp_path / "home")) as url:
        # One runs (two connections are kept for others), one waits: the third is too many.
        first = leave(url, f"/tiles/busy/{TILE}.mvt")
        time.sleep(0.5)
        second = leave(url, "/tiles/busy/17/67304/44185.mvt")
        time.sleep(0.5)
        answer = httpx.get(f"{url}/tiles/busy/18/134609/88370.mvt", timeout=10)
        assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
        assert httpx.get(f"{url}/tiles/busy.json", timeout=10).status_code == 200
        first()
        second()
