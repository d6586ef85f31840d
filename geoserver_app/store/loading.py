"""The loader's connections: synchronous, with the owner's rights, COPY included."""

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from geoserver_app.store.tables import REFERENCE

Connection = psycopg.Connection[tuple[object, ...]]
DatabaseError = psycopg.Error


def driver_url(url: str) -> str:
    """A SQLAlchemy-style URL (postgresql+driver://) as libpq reads it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql"))


def connect_owner(owner_url: str, *, autocommit: bool = False) -> Connection:
    """A connection that may create and drop tables. Close it (it is a context manager)."""
    return psycopg.connect(driver_url(owner_url), autocommit=autocommit, application_name="maillage loader")


def copy_binary(connection: Connection, table: str, columns: Iterable[str], chunks: Iterable[bytes]) -> None:
    """COPY ``reference.table (columns)`` FROM the chunks of one PostgreSQL binary COPY stream."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(REFERENCE, table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for chunk in chunks:
            copy.write(chunk)
