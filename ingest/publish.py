"""Tables of a publication: made, swapped in, rolled back, dropped."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from sqlalchemy.dialects import postgresql

from geoserver_app.core.crs import transform_bounds
from geoserver_app.core.layer import Layer
from geoserver_app.core.publication import LABEL_POINT, Band, Publication, Published
from geoserver_app.settings import Settings
from geoserver_app.store.loading import Connection, DatabaseError, Reference, compose, define
from geoserver_app.store.tables import PUBLICATIONS, feature_columns, read_publication
from ingest.gates import Counts
from ingest.sql import statement

Row = dict[str, object]


@dataclass(frozen=True)
class Facts:
    """What a finished table says of itself. ``extent`` is in the table's CRS."""

    count: int
    exercise: int
    vertices: int
    extent: tuple[float, float, float, float] | None
    times: tuple[object, object]


def reserve(connection: Connection) -> int:
    """The id of a publication to be; its row is written by the swap."""
    row = connection.execute("SELECT nextval(pg_get_serial_sequence('system.publication', 'id'))").fetchone()
    return int(str(row[0])) if row else 0


def table_name(layer_id: str, publication: int) -> str:
    return f"{layer_id}_p{publication}"


def current(connection: Connection, layer_id: str) -> Publication | None:
    """What is published of a layer now."""
    with connection.cursor() as cursor:
        cursor.execute(PUBLICATIONS.encode() + b" WHERE r.layer_id = %s", (layer_id,))
        row = cursor.fetchone()
        names = [column.name for column in cursor.description or ()]
    return read_publication(dict(zip(names, row, strict=True))) if row else None


def draft(layer: Layer, publication: int, bands: tuple[Band, ...]) -> Published:
    """A publication that nobody sees yet, as the value other parts take."""
    fields = frozenset(f.name for f in layer.fields)
    labels = {LABEL_POINT} if layer.names_areas else set()
    return Published(
        layer,
        Publication(
            layer_id=layer.id,
            revision=0,
            id=publication,
            table=table_name(layer.id, publication),
            bands=bands,
            columns=fields,
            tile_columns=frozenset(f.name for f in layer.tile_fields) | labels,
            srid=layer.crs,
            count=0,
            bbox=None,
            loaded_at=datetime.now(UTC),
        ),
    )


def column_types(layer: Layer) -> dict[str, str]:
    """Columns that a table of the layer would have, with their types in PostgreSQL's words."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    columns = feature_columns(draft(layer, 0, ()))
    return {column.name: str(column.type.compile(dialect=dialect)).lower() for column in columns}


def table_columns(connection: Connection, publication: int) -> dict[str, str]:
    """Columns that a publication's table has, in the same words."""
    rows = connection.execute(
        "SELECT a.attname, lower(format_type(a.atttypid, a.atttypmod)) FROM system.publication p "
        "JOIN pg_attribute a ON a.attrelid = to_regclass(format('reference.%%I', p.table_name)) "
        "WHERE p.id = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        (publication,),
    ).fetchall()
    return {str(name): str(kind) for name, kind in rows}


def create_table(connection: Connection, drafted: Published) -> None:
    """The table of a publication, without key and indexes."""
    columns = define(feature_columns(drafted))
    table = Reference(drafted.publication.table)
    connection.execute(compose("CREATE TABLE {table} ({columns})", table=table, columns=columns))


def finish_table(connection: Connection, drafted: Published) -> None:
    """Indexes and statistics, while others read the table. Needs autocommit (VACUUM)."""
    table = Reference(drafted.publication.table)
    connection.execute(compose("CREATE UNIQUE INDEX {key} ON {table} (fid)", table=table, key=_key(drafted)))
    connection.execute(compose("CREATE INDEX ON {table} USING gist (geom) WITH (fillfactor = 100)", table=table))
    if drafted.layer.datetime_field:
        field = drafted.layer.datetime_field
        connection.execute(compose("CREATE INDEX ON {table} ({field})", table=table, field=field))
    connection.execute(compose("VACUUM (ANALYZE) {table}", table=table))


def key_table(connection: Connection, drafted: Published) -> None:
    """Make the unique index the primary key: at once, but nobody else may be reading."""
    table = Reference(drafted.publication.table)
    connection.execute(compose("ALTER TABLE {table} ADD PRIMARY KEY USING INDEX {key}", table=table, key=_key(drafted)))


def _key(drafted: Published) -> str:
    return f"{drafted.publication.table}_key"


def facts(connection: Connection, drafted: Published) -> Facts:
    """Count, vertices, extents of a finished table, in one pass."""
    field = drafted.layer.datetime_field
    times = (
        compose("min({field})::timestamptz, max({field})::timestamptz", field=field) if field else compose("NULL, NULL")
    )
    asked = compose(statement("facts"), table=Reference(drafted.publication.table), times=times)
    row = connection.execute(asked).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always answers
    count, exercise, vertices, west, south, east, north, first, last = row
    extent = None if west is None else (float(str(west)), float(str(south)), float(str(east)), float(str(north)))
    return Facts(int(str(count)), int(str(exercise)), int(str(vertices)), extent, (first, last))


def swap(
    connection: Connection,
    drafted: Published,
    found: Facts,
    counts: Counts,
    *,
    load: int,
    source: str,
    source_date: str | None,
    previous: int | None,
) -> int:
    """Publish in one transaction whose last statement raises the revision; returns the revision."""
    publication = drafted.publication
    bands = [{"table": b.table, "min": b.min, "max": b.max} for b in publication.bands]
    values = {
        "id": publication.id,
        "layer": publication.layer_id,
        "table": publication.table,
        "bands": orjson.dumps(bands).decode(),
        "columns": sorted(publication.columns),
        "tile_columns": sorted(publication.tile_columns),
        "srid": publication.srid,
        "count": found.count,
        "vertices": found.vertices,
        "box": list(transform_bounds(found.extent, publication.srid, 4326)) if found.extent else None,
        "first": found.times[0],
        "last": found.times[1],
        "source": source,
        "source_date": source_date,
        "exercise": found.exercise,
        "repaired": counts.repaired,
        "rejected": sum(counts.rejected.values()),
        "previous": previous,
        "load": load,
        "read": counts.read,
    }
    with connection.transaction():
        connection.execute(statement("publish"), values)
        connection.execute(statement("published"), values)
        return raise_revision(connection, publication.layer_id, publication.id)


def raise_revision(connection: Connection, layer_id: str, publication: int | None) -> int:
    """Point the layer at a publication (None: at nothing). The last statement of its transaction."""
    row = connection.execute(statement("revision"), {"layer": layer_id, "publication": publication}).fetchone()
    return int(str(row[0])) if row else 0


def leftovers(connection: Connection, layer_id: str) -> list[str]:
    """Tables of this layer that no publication owns: what a killed load left. Ask under the layer's lock."""
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'reference'").fetchall()
    owned = {row[0] for row in connection.execute("SELECT id FROM system.publication WHERE layer_id = %s", (layer_id,))}
    shape = re.compile(rf"{re.escape(layer_id)}_p(\d+)(_z\d+)?")
    found = ((str(row[0]), shape.fullmatch(str(row[0]))) for row in rows)
    return [name for name, match in found if match and int(match.group(1)) not in owned]


def drop_tables(connection: Connection, names: Iterable[str]) -> None:
    """Drop tables, waiting two seconds at most for each; one still in use stays. Needs autocommit."""
    connection.execute("SET lock_timeout = '2s'")
    for name in names:
        with suppress(DatabaseError):
            connection.execute(compose("DROP TABLE IF EXISTS {table}", table=Reference(name)))
    connection.execute("RESET lock_timeout")


def prune(connection: Connection, settings: Settings, layer_id: str) -> int:
    """Drop publications beyond those kept for rollback; what is in use goes next time. Needs autocommit."""
    asked = {"layer": layer_id, "kept": settings.revisions_kept}
    dropped = 0
    for row in connection.execute(statement("prunable"), asked).fetchall():
        with suppress(DatabaseError):
            dropped += _drop(connection, settings, asked, row[0])
    return dropped


def _drop(connection: Connection, settings: Settings, asked: dict[str, object], publication: object) -> bool:
    """Drop one publication, row and tables together; its layer cannot be rolled back to it meanwhile."""
    with connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '2s'")
        connection.execute("SELECT FROM system.revision WHERE layer_id = %(layer)s FOR UPDATE", asked)
        rows = connection.execute(statement("prunable"), asked).fetchall()
        found = next((row for row in rows if row[0] == publication), None)
        if found is None:
            return False
        _, table, bands, pack = found
        names = [str(table), *(str(band) for band in bands)]  # type: ignore[attr-defined]
        for name in names:
            connection.execute(compose("DROP TABLE IF EXISTS {table}", table=Reference(name)))
        connection.execute("DELETE FROM system.publication WHERE id = %s", (publication,))
    if pack:
        with suppress(OSError):
            (packs(settings) / str(pack)).unlink()
    return True


def packs(settings: Settings) -> Path:
    """Folder of the baked archives."""
    return settings.home / "packs"
