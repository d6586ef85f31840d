"""PostgreSQL goes away and comes back under a running server."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import psycopg

from geoserver_app.settings import read_settings
from geoserver_app.store.cluster import Cluster
from geoserver_app.store.migrate import migrate
from tests.conftest import TestDatabase, application
from tests.tiles.hand import layer, publish, with_folders

ITEMS = "/ogc/collections/points/items"
CLIENTS = 6


async def together(client: httpx.AsyncClient) -> set[int]:
    """Statuses of questions asked at once, so that several connections are in use."""
    answers = await asyncio.gather(*(client.get(ITEMS) for _ in range(CLIENTS)))
    assert all("retry-after" in a.headers for a in answers if a.status_code == 503)
    return {answer.status_code for answer in answers}


async def test_a_restart_of_postgresql_is_told_as_busy_and_leaves_no_trace(
    make_home: Callable[[], Path], tmp_path: Path
) -> None:
    cluster = Cluster(make_home(), connections=30, durable=False)
    with cluster.used() as access:
        migrate(access.owner_url, access.app_password)
        settings = read_settings(
            {}, home=tmp_path / "home", database_url=access.owner_url, app_database_url=access.app_url
        )
        database = with_folders(TestDatabase(access.owner_url, access.app_url, settings), tmp_path)
        publish(database, layer("points"), [(7, "POINT(184781.2 128873.1)", {})])
        with psycopg.connect(access.owner_url) as connection:
            connection.execute(
                "CREATE TABLE reference.points_p1 AS SELECT 7::bigint AS fid, 'a' AS source_key, false AS exercise,"
                " ST_SetSRID(ST_MakePoint(184781.2, 128873.1), 31370) AS geom"
            )
        async with application(database.settings) as client:
            # Immediate: nothing is said to anybody, and what follows begins with a recovery.
            for kind in (signal.SIGINT, signal.SIGQUIT):
                assert await together(client) == {200}
                seen = await through_a_restart(client, cluster, kind)
                assert seen <= {200, 503} and 503 in seen
                assert [await together(client) for _ in range(5)] == [{200}] * 5


async def through_a_restart(client: httpx.AsyncClient, cluster: Cluster, kind: signal.Signals) -> set[int]:
    """Every status seen from the moment PostgreSQL is told to stop until it is back."""
    pid = cluster.postmaster()
    assert pid is not None
    os.kill(pid, kind)
    seen: set[int] = set()
    while cluster.postmaster() is not None:
        seen |= await together(client)
    seen |= await together(client)
    back = asyncio.create_task(asyncio.to_thread(cluster.ensure))
    while not back.done():
        seen |= await together(client)
        await asyncio.sleep(0.01)
    await back
    return seen
