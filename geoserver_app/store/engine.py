"""The server's connections to PostgreSQL: bounded, read-only, with deadlines.

One SQLAlchemy async engine holds the pool. Reads take the driver's connection from it, so a
tile costs one round trip; a statement of SQLAlchemy Core is compiled here once per shape.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from geoserver_app.core.errors import BadParameter, Overloaded, TookTooLong
from geoserver_app.settings import Settings
from geoserver_app.store.loading import driver_url

DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]
Record = Mapping[str, Any]
GENERATION = "generation"
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DatabaseDroppedError,
    asyncpg.InternalClientError,  # the server's farewell was read, the end of the connection not yet
    ConnectionError,
)
"""What the driver says of a session that has ended."""


@dataclass(frozen=True)
class Statement:
    """SQL with $1… placeholders and the names of its parameters in order."""

    sql: str
    names: tuple[str, ...]
    values: dict[str, Any]

    def args(self, **values: Any) -> tuple[Any, ...]:
        """Arguments in order: those given, else the values the statement was built with."""
        return tuple(values.get(name, self.values.get(name)) for name in self.names)


def compile_statement(statement: ClauseElement) -> Statement:
    """Render a SQLAlchemy Core statement for the driver. Values stay bound, lists are expanded."""
    compiled = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    names = tuple(getattr(compiled, "positiontup", None) or ())
    return Statement(str(compiled), names, dict(compiled.params))


class Reader:
    """A connection lent for one answer. Every method raises TookTooLong past the deadline."""

    def __init__(self, connection: asyncpg.Connection, seconds: float) -> None:
        self.connection = connection
        self.seconds = seconds

    async def fetch(self, statement: ClauseElement | Statement | str, *args: Any) -> list[Record]:
        sql, values = _ready(statement, args)
        with _told():
            found: list[Record] = await self.connection.fetch(sql, *values, timeout=self.seconds)
            return found

    async def row(self, statement: ClauseElement | Statement | str, *args: Any) -> Record | None:
        sql, values = _ready(statement, args)
        with _told():
            found: Record | None = await self.connection.fetchrow(sql, *values, timeout=self.seconds)
            return found

    async def value(self, statement: ClauseElement | Statement | str, *args: Any) -> Any:
        sql, values = _ready(statement, args)
        with _told():
            return await self.connection.fetchval(sql, *values, timeout=self.seconds)


def _ready(statement: ClauseElement | Statement | str, args: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    if isinstance(statement, str):
        return statement, args
    ready = statement if isinstance(statement, Statement) else compile_statement(statement)
    return ready.sql, args or ready.args()


class _told:
    """Turns the driver's errors a client can cause into ours."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
            raise TookTooLong("the question took too long; ask for a smaller area or fewer features") from None
        if isinstance(error, asyncpg.DataError):
            raise BadParameter(f"the database cannot read a value: {error}") from None
        if isinstance(error, asyncpg.TooManyConnectionsError | asyncpg.CannotConnectNowError | ConnectionError):
            raise Overloaded("the database cannot be reached now") from None


class Database:
    """The server's pool. Open it once (:meth:`open`), lend readers, close it."""

    def __init__(self, engine: AsyncEngine, settings: Settings, url: str) -> None:
        self.engine = engine
        self.settings = settings
        self.url = url
        self._generation = 0

    @classmethod
    def open(cls, url: str, settings: Settings) -> "Database":
        """Prepare the pool; connections are made when first needed.

        Sessions are read-only by default and carry ``statement_timeout``, so no statement is
        spent on it per request. Writers open a transaction READ WRITE on purpose.
        """
        options = {
            "application_name": "maillage",
            "default_transaction_read_only": "on",
            "statement_timeout": str(settings.statement_timeout_ms),
            "idle_in_transaction_session_timeout": str(settings.download_timeout_ms),
            "jit": "off",
            # A box or a filter decides which index is right, so a plan made without its value can be a
            # hundred times slower; making one takes a third of a millisecond.
            "plan_cache_mode": "force_custom_plan",
            # Starting helpers takes longer than most answers, and others wait for the same cores.
            "max_parallel_workers_per_gather": "0",
        }
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: asyncpg.connect(
                driver_url(url), server_settings=options, statement_cache_size=500, timeout=settings.pool_wait_ms / 1000
            ),
            pool_size=settings.pool_size,
            max_overflow=0,
            pool_timeout=settings.pool_wait_ms / 1000,
            pool_pre_ping=False,
        )
        return cls(engine, settings, url)

    @asynccontextmanager
    async def read(self, timeout_ms: int | None = None) -> AsyncIterator[Reader]:
        """Lend a connection for reading. Overloaded when none comes free in time."""
        seconds = (timeout_ms or self.settings.statement_timeout_ms) / 1000
        async with self._lent() as connection:
            yield Reader(connection, seconds)

    def suspect(self) -> None:
        """One session was lost: the others most likely too, so none made before now is lent again."""
        self._generation += 1

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[asyncpg.Connection]:
        lent, connection = await self._checked_out()
        try:
            try:
                yield connection
            except (asyncpg.InterfaceError, *LOST) as error:
                if connection.is_closed() or isinstance(error, LOST):
                    self.suspect()
                await lent.invalidate()
                raise Overloaded("the database connection was lost", retry_after=5) from None
            except asyncio.CancelledError:
                # asyncpg has asked the server to cancel; the session may still be winding down.
                await asyncio.shield(lent.invalidate())
                raise
        finally:
            await asyncio.shield(lent.close())

    async def _checked_out(self) -> tuple[AsyncConnection, asyncpg.Connection]:
        """A connection that is alive as far as can be told without asking the server."""
        try:
            for _ in range(self.settings.pool_size + 1):
                lent = await self.engine.connect()
                try:
                    raw = await lent.get_raw_connection()
                    connection = raw.driver_connection
                    assert connection is not None  # noqa: S101 - the pool always holds one
                    made = raw.info.setdefault(GENERATION, self._generation)
                    if made == self._generation and not connection.is_closed():
                        return lent, connection
                    await lent.invalidate()
                except BaseException:
                    await asyncio.shield(lent.close())
                    raise
                await lent.close()
        except PoolTimeout:
            raise Overloaded("every database connection is busy") from None
        except (OSError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            # SQLAlchemy wraps what the driver raises while a session begins (starting up, shutting down, full).
            raise Overloaded("the database cannot be reached now", retry_after=5) from None
        raise Overloaded("the database connection was lost", retry_after=5)

    async def close(self) -> None:
        await self.engine.dispose()
