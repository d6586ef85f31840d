"""The server's pool: read-only, bounded, with deadlines, cancelled when nobody waits."""

import asyncio
import contextlib
import dataclasses
import time
from urllib.parse import urlsplit

import asyncpg
import psycopg
import pytest
from sqlalchemy import Integer, column, literal, select, values

from geoserver_app.core.errors import BadParameter, Overloaded, TookTooLong
from geoserver_app.store.engine import Database, compile_statement
from geoserver_app.store.migrate import migrate
from tests.conftest import Server, TestDatabase


async def test_sessions_cannot_write_by_accident(pool: Database) -> None:
    async with pool.read() as reader:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await reader.fetch("CREATE TEMP TABLE t (a int)")


async def test_a_statement_past_its_deadline_is_told_as_too_long(pool: Database) -> None:
    async with pool.read(timeout_ms=100) as reader:
        with pytest.raises(TookTooLong):
            await reader.fetch("SELECT pg_sleep(5)")


async def test_the_connection_works_again_after_a_deadline(pool: Database) -> None:
    for _ in range(pool.settings.pool_size + 1):
        with pytest.raises(TookTooLong):
            async with pool.read(timeout_ms=50) as reader:
                await reader.fetch("SELECT pg_sleep(5)")
    async with pool.read() as reader:
        assert await reader.value("SELECT 1") == 1


async def test_a_full_pool_is_told_as_busy_after_a_short_wait(database: TestDatabase) -> None:
    settings = dataclasses.replace(database.settings, pool_size=1, pool_wait_ms=100)
    pool = Database.open(database.app_url, settings)
    async with pool.read():
        with pytest.raises(Overloaded):
            async with pool.read():
                pass
    await pool.close()


async def test_a_database_that_is_away_is_told_as_busy(database: TestDatabase) -> None:
    pool = Database.open("postgresql://nobody@127.0.0.1:1/none", database.settings)
    with pytest.raises(Overloaded):
        async with pool.read():
            pass
    await pool.close()


async def test_a_database_that_takes_no_more_sessions_is_told_as_busy(database: TestDatabase) -> None:
    name = urlsplit(database.app_url).path[1:]
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
    pool = Database.open(database.app_url, database.settings)
    with pytest.raises(Overloaded):
        async with pool.read():
            pass
    await pool.close()


async def test_one_lost_session_retires_all_others_before_they_are_lent(pool: Database) -> None:
    async with contextlib.AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(pool.read()) for _ in range(4)]
        before = {await reader.value("SELECT pg_backend_pid()") for reader in readers}
    with pytest.raises(Overloaded):
        async with pool.read() as reader:
            await reader.value("SELECT pg_terminate_backend(pg_backend_pid())")
    async with contextlib.AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(pool.read()) for _ in range(4)]
        assert not before & {await reader.value("SELECT pg_backend_pid()") for reader in readers}


async def test_a_session_that_ended_while_idle_costs_nobody_an_answer(database: TestDatabase, pool: Database) -> None:
    async with contextlib.AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(pool.read()) for _ in range(3)]
        pids = [await reader.value("SELECT pg_backend_pid()") for reader in readers]
    with psycopg.connect(database.app_url) as connection:
        for pid in pids:
            connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
    await asyncio.sleep(0.2)
    for _ in pids:
        async with pool.read() as reader:
            assert await reader.value("SELECT 1") == 1


def _running(database: TestDatabase, mark: str) -> int:
    with psycopg.connect(database.app_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE state = 'active' AND query LIKE %s AND pid <> pg_backend_pid()",
            (f"%{mark}%",),
        ).fetchone()
    assert row is not None
    return int(row[0])


async def _until(condition: object, seconds: float = 10) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if await asyncio.to_thread(condition):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_query_nobody_waits_for_is_cancelled_in_the_database(database: TestDatabase, pool: Database) -> None:
    async def ask() -> None:
        async with pool.read() as reader:
            await reader.fetch("SELECT pg_sleep(60) AS lonely_question")

    task = asyncio.create_task(ask())
    assert await _until(lambda: _running(database, "lonely_question") == 1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await _until(lambda: _running(database, "lonely_question") == 0)
    async with pool.read() as reader:
        assert await reader.value("SELECT 1") == 1


async def test_a_value_the_database_cannot_read_is_a_bad_parameter(pool: Database) -> None:
    async with pool.read() as reader:
        with pytest.raises(BadParameter):
            await reader.fetch("SELECT $1::int", "not a number")


async def test_statements_are_compiled_with_bound_values(pool: Database) -> None:
    table = values(column("n", Integer), name="t").data([(1,), (2,), (3,)])
    statement = compile_statement(select(table.c.n).where(table.c.n.in_([2, 3]), table.c.n > literal(2)))
    assert "3)" not in statement.sql.split("WHERE")[1]
    async with pool.read() as reader:
        assert [row["n"] for row in await reader.fetch(statement)] == [3]


def test_migrating_again_and_at_once_changes_nothing(database: TestDatabase) -> None:
    assert migrate(database.owner_url, "x") == migrate(database.owner_url, "x") == "0001"


def test_the_server_s_role_can_make_neither_temporary_tables_nor_large_objects(
    postgres: Server, database: TestDatabase
) -> None:
    name = urlsplit(database.owner_url).path[1:]
    migrate(database.owner_url, "x")
    migrate(postgres.url(name), "x")
    asked = (
        "SELECT has_database_privilege('maillage_app', current_database(), 'TEMP'),"
        " has_function_privilege('maillage_app', 'lo_from_bytea(oid, bytea)', 'EXECUTE'),"
        " has_database_privilege(current_user, current_database(), 'TEMP')"
    )
    with psycopg.connect(database.owner_url) as connection:
        assert connection.execute(asked).fetchone() == (False, False, True)
