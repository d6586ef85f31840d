"""A statement written for the server's driver, run on a connection of the loader."""

from collections.abc import Sequence
from typing import Any

import psycopg

from geoserver_app.store.engine import Statement
from geoserver_app.store.loading import Connection


def fetch_value(connection: Connection, statement: Statement, arguments: Sequence[object]) -> Any:
    """The first value of the first row, prepared once per connection and text."""
    with psycopg.RawCursor(connection) as cursor:
        row = cursor.execute(statement.sql, arguments, prepare=True, binary=True).fetchone()
    return row[0] if row else None
