"""The loader's connections: synchronous, with the owner's rights, COPY included."""

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

from geoserver_app.store.tables import REFERENCE

Connection = psycopg.Connection[tuple[object, ...]]
DatabaseError = psycopg.Error


def driver_url(url: str) -> str:
    """A SQLAlchemy-style URL (postgresql+driver://) as libpq reads it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql"))


def connect_owner(owner_url: str, *, autocommit: bool = False) -> Connection:
    """A connection that may create and drop tables. Close it (it is a context manager)."""
    return psycopg.connect(
        driver_url(owner_url),
        autocommit=autocommit,
        application_name="maillage loader",
        # A killed loader must not leave an hour of index building behind it.
        options="-c client_connection_check_interval=2000 -c client_min_messages=error "
        "-c work_mem=64MB -c maintenance_work_mem=128MB",
    )


def copy_binary(connection: Connection, table: str, columns: Iterable[str], chunks: Iterable[bytes]) -> None:
    """COPY ``table (columns)`` FROM the chunks of one PostgreSQL binary COPY stream.

    A plain name is a temporary table, a Reference one of the schema ``reference``.
    """
    statement = compose("COPY {table} ({columns}) FROM STDIN (FORMAT binary)", table=table, columns=tuple(columns))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in chunks:
            copy.write(chunk)


class Reference(str):
    """Name of a table in the schema ``reference``."""


def compose(template: str, **parts: str | int | float | Iterable[str] | sql.Composable) -> sql.Composed:
    """A statement with its ``{names}`` filled in.

    A Reference becomes a qualified table, other text one identifier, several texts identifiers
    joined by commas, a number a literal. Values belong in ``%s`` parameters instead.
    """
    return sql.SQL(template).format(**{name: _part(part) for name, part in parts.items()})


def _part(part: str | int | float | Iterable[str] | sql.Composable) -> sql.Composable:
    if isinstance(part, sql.Composable):
        return part
    if isinstance(part, Reference):
        return sql.Identifier(REFERENCE, str(part))
    if isinstance(part, str):
        return sql.Identifier(part)
    if isinstance(part, int | float):
        return sql.Literal(part)
    return sql.SQL(", ").join(sql.Identifier(name) for name in part)


def define(columns: Iterable[Column[object]]) -> sql.Composed:
    """Column definitions of a CREATE TABLE, without keys: those are added when the rows are in."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return sql.SQL(", ").join(
        sql.SQL("{} {}{}").format(
            sql.Identifier(column.name),
            sql.SQL(str(column.type.compile(dialect=dialect))),
            sql.SQL("" if column.nullable and not column.primary_key else " NOT NULL"),
        )
        for column in columns
    )
