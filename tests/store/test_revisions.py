"""What is current is known in memory, told by NOTIFY, and asked for when the telling is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from geoserver_app.store.engine import Database
from geoserver_app.store.revisions import Revisions
from tests.conftest import TestDatabase


def publish(owner_url: str, layer: str, revision: int) -> None:
    """Write the rows a loader writes, as its last two statements do."""
    with psycopg.connect(owner_url) as connection:
        row = connection.execute(
            "INSERT INTO system.publication (layer_id, table_name, bands, columns, tile_columns, srid, feature_count,"
            " vertex_count, extent, source, exercise_count, repaired, rejected)"
            ' VALUES (%s, %s, \'[{"table": "t", "min": 0, "max": 5}]\', \'{name}\', \'{name}\', 31370, 3, 3,'
            " ST_MakeEnvelope(4, 50, 5, 51, 4326), 'test', 0, 0, 0) RETURNING id",
            (layer, f"{layer}_{revision}"),
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO system.revision (layer_id, revision, publication_id) VALUES (%s, %s, %s)"
            " ON CONFLICT (layer_id) DO UPDATE"
            " SET revision = EXCLUDED.revision, publication_id = EXCLUDED.publication_id",
            (layer, revision, row[0]),
        )


async def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.fixture
async def revisions(pool: Database) -> AsyncIterator[Revisions]:
    found = Revisions(pool)
    await found.start()
    assert await until(lambda: found.connected)
    yield found
    await found.stop()


async def test_a_publication_is_known_as_soon_as_it_is_committed(database: TestDatabase, revisions: Revisions) -> None:
    told: list[str] = []
    revisions.on_change(told.append)
    publish(database.owner_url, "roads", 1)
    assert await until(lambda: "roads" in revisions.known)
    known = revisions.known["roads"]
    assert (known.revision, known.bbox, known.srid) == (1, (4, 50, 5, 51), 31370)
    assert [(band.min, band.max) for band in known.bands] == [(0, 5)]
    publish(database.owner_url, "roads", 2)
    assert await until(lambda: revisions.known["roads"].revision == 2)
    assert told == ["roads", "roads"]


async def test_a_layer_that_is_unpublished_is_forgotten(database: TestDatabase, revisions: Revisions) -> None:
    publish(database.owner_url, "roads", 1)
    assert await until(lambda: "roads" in revisions.known)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DELETE FROM system.revision")
    assert await until(lambda: "roads" not in revisions.known)


async def test_while_the_listener_is_lost_every_question_asks_the_table(
    database: TestDatabase, revisions: Revisions, postgres: object
) -> None:
    superuser = postgres.superuser_url  # type: ignore[attr-defined]
    name = database.owner_url.split("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(superuser, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = %s AND application_name = 'maillage listener'",
            (name,),
        ).fetchone()
    assert ended == (1,)
    assert await until(lambda: not revisions.connected)
    publish(database.owner_url, "roads", 1)
    assert (await revisions.current())["roads"].revision == 1
    assert await until(lambda: revisions.connected)
    publish(database.owner_url, "roads", 2)
    assert await until(lambda: revisions.known["roads"].revision == 2)


async def test_a_client_that_saw_a_newer_revision_is_never_answered_from_an_older_one(
    database: TestDatabase, pool: Database
) -> None:
    publish(database.owner_url, "roads", 1)
    deaf = Revisions(pool)
    await deaf.refresh()
    deaf.connected = True
    publish(database.owner_url, "roads", 2)
    assert (await deaf.current())["roads"].revision == 1
    assert (await deaf.current(at_least={"roads": 2}))["roads"].revision == 2
