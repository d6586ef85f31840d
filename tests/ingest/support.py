"""Tiny sources and a way to look at what a load made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg
import pyarrow as pa
import shapely

from geoserver_app.core.layer import Field, FieldType, Gates, Layer, Licence, Source, Text
from ingest.columns import ARROW_TYPES
from ingest.load import Summary, run_load
from ingest.source import GEOMETRY, KEY, Batch, Description, Reader, SourceField
from tests.conftest import TestDatabase

Row = tuple[str | None, Any, dict[str, Any]]
"""Key, geometry (WKT, WKB bytes or None), attributes."""

SQUARE = "POLYGON ((0 0, 0 1, 1 1, 1 0, 0 0))"
BOW_TIE = "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"


def text(words: str) -> Text:
    return Text(words, words)


def a_field(name: str, kind: FieldType = "string", **more: Any) -> Field:
    return Field(name, kind, text(name), **more)


def a_layer(layer_id: str = "things", **more: Any) -> Layer:
    """A layer of polygons in degrees with one text field, unless told otherwise."""
    plain: dict[str, Any] = {
        "title": text(layer_id),
        "geometry": "MultiPolygon",
        "crs": 4326,
        "fields": (a_field("name"),),
        "licence": Licence("none", "nobody"),
        "source": Source("file", "things.geojson"),
        "gates": Gates(max_count_change=None),
    }
    return Layer(id=layer_id, **(plain | more))


@dataclass
class Rows(Reader):
    """A source whose rows are written in the test."""

    rows: Sequence[Row]
    types: dict[str, FieldType] = field(default_factory=lambda: {"name": "string"})  # type: ignore[arg-type,return-value]
    srid: int | None = 4326

    def describe(self) -> Description:
        fields = tuple(SourceField(name, kind) for name, kind in self.types.items())
        return Description(fields, "Geometry", self.srid, len(self.rows), "key")

    def batches(self, rows: int) -> Iterator[Batch]:
        for start in range(0, len(self.rows), rows):
            part = self.rows[start : start + rows]
            columns = {
                name: pa.array([row[2].get(name) for row in part], ARROW_TYPES[kind])
                for name, kind in self.types.items()
            }
            columns[GEOMETRY] = pa.array([wkb(row[1]) for row in part], pa.binary())
            columns[KEY] = pa.array([row[0] for row in part], pa.string())
            yield pa.RecordBatch.from_pydict(columns)


def wkb(geometry: str | bytes | None) -> bytes | None:
    if geometry is None or isinstance(geometry, bytes):
        return geometry
    return bytes(shapely.to_wkb(shapely.from_wkt(geometry)))


def squares(count: int, *, first: int = 0, side: float = 0.01) -> list[Row]:
    """Squares side by side along the equator, keyed and named by their number."""
    return [
        (str(n), shapely.box(n * side, 0, (n + 1) * side, side).wkb, {"name": f"square {n}"})
        for n in range(first, first + count)
    ]


def load(database: TestDatabase, layer: Layer, rows: Sequence[Row], **more: Any) -> Summary:
    """Load rows as the command would; ``types``, ``srid`` and settings may be given."""
    told = {name: more.pop(name) for name in ("types", "srid") if name in more}
    settings = replace(database.settings, **more.pop("settings", {}))
    reader = Rows(rows, **told)
    return run_load(settings, database.owner_url, layer, reader, "rows of a test", **more)


def ask(database: TestDatabase, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.owner_url) as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type]


def table(database: TestDatabase, layer_id: str = "things") -> str:
    """The table behind what is published of a layer."""
    found = ask(
        database,
        "SELECT table_name FROM system.revision r JOIN system.publication p ON p.id = publication_id "
        "WHERE r.layer_id = %s",
        layer_id,
    )
    return f"reference.{found[0][0]}"


def published(database: TestDatabase, columns: str = "source_key", layer_id: str = "things") -> list[Any]:
    """Columns of the published rows, in the order of fid; a single column without its tuple."""
    rows = ask(database, f"SELECT {columns} FROM {table(database, layer_id)} ORDER BY fid")
    return [row[0] if len(row) == 1 else row for row in rows]


def rejects(database: TestDatabase) -> list[tuple[str, str]]:
    return [(str(k), str(r)) for k, r in ask(database, "SELECT source_key, reason FROM system.reject ORDER BY id")]


def revision(database: TestDatabase, layer_id: str = "things") -> int | None:
    found = ask(database, "SELECT revision FROM system.revision WHERE layer_id = %s", layer_id)
    return found[0][0] if found else None


def bands(database: TestDatabase, layer_id: str = "things") -> list[tuple[str, int, int]]:
    found = ask(
        database,
        "SELECT b ->> 'table', (b ->> 'min')::int, (b ->> 'max')::int FROM system.revision r "
        "JOIN system.publication p ON p.id = publication_id, jsonb_array_elements(bands) b WHERE r.layer_id = %s",
        layer_id,
    )
    return [(f"reference.{name}", low, high) for name, low, high in found]
