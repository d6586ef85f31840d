"""Runs of the loader as the database remembers them, one at a time for each layer."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime

import orjson

from geoserver_app.core.errors import Conflict
from geoserver_app.core.layer import Layer
from geoserver_app.store.loading import Connection, DatabaseError
from ingest.gates import Counts
from ingest.publish import drop_tables, leftovers
from ingest.sql import statement

Reject = tuple[str | None, str, dict[str, object], bytes | None]
"""Key, reason, attributes as the source wrote them, WKB."""

_LOADS_KEPT = 10
"""Loads of a layer whose rejects are kept, beside those of all publications there are."""
_DYING = 3.0
"""Seconds the database may take to notice that the loader before was killed."""


@contextmanager
def alone(connection: Connection, layer_id: str) -> Iterator[None]:
    """Hold the layer's lock; Conflict where another loader holds it.

    The connection must stay idle meanwhile: the lock of a killed loader goes with its connection.
    """
    key = f"maillage load {layer_id}"
    asked = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
    patience = time.monotonic() + _DYING
    while connection.execute(asked, (key,)).fetchone() != (True,):
        if time.monotonic() > patience:
            raise Conflict(f"{layer_id} is being loaded by another process; wait until it has ended")
        time.sleep(0.1)
    try:
        yield
    finally:
        with suppress(DatabaseError):
            connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (key,))


def clean(connection: Connection, layer_id: str) -> None:
    """Mark and sweep what killed loads of the layer left. Ask under its lock."""
    connection.execute(
        "UPDATE system.load SET state = 'interrupted', finished_at = now(), error = 'the loader ended without a word' "
        "WHERE layer_id = %s AND state = 'running'",
        (layer_id,),
    )
    drop_tables(connection, leftovers(connection, layer_id))


def begin(connection: Connection, layer: Layer, source: str) -> int:
    """Note that a load runs; returns its number."""
    row = connection.execute(
        "INSERT INTO system.load (layer_id, state, source) VALUES (%s, 'running', %s) RETURNING id",
        (layer.id, source),
    ).fetchone()
    return int(str(row[0])) if row else 0


def end(connection: Connection, load: int, state: str, counts: Counts, error: str | None = None) -> None:
    """Note how a load that published nothing ended."""
    connection.execute(
        "UPDATE system.load SET state = %s, finished_at = now(), rows_read = %s, rows_repaired = %s, "
        "rows_rejected = %s, error = %s WHERE id = %s AND state = 'running'",
        (state, counts.read, counts.repaired, sum(counts.rejected.values()), error, load),
    )


def keep_rejects(connection: Connection, load: int, rejects: Sequence[Reject]) -> None:
    """Keep rows that cannot be published, whole, with the reason."""
    rows = [
        (load, key, reason, orjson.dumps(_json(attributes), default=str).decode(), geometry)
        for key, reason, attributes, geometry in rejects
    ]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO system.reject (load_id, source_key, reason, attributes, geometry) VALUES (%s, %s, %s, %s, %s)",
            rows,
        )


def forget_rejects(connection: Connection, layer_id: str) -> None:
    """Let go of the rejects of loads long past whose rows are gone too."""
    connection.execute(statement("old_rejects"), {"layer": layer_id, "kept": _LOADS_KEPT})


def _json(attributes: dict[str, object]) -> dict[str, object]:
    """Attributes as JSON has them: times as text, NUL (which PostgreSQL refuses) left out."""
    ready: dict[str, object] = {}
    for name, value in attributes.items():
        if isinstance(value, str):
            ready[name] = value.replace("\x00", "")
        elif isinstance(value, date | datetime):
            ready[name] = value.isoformat()
        else:
            ready[name] = value
    return ready
