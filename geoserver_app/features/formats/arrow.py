"""Rows as Arrow batches, made of arrays that PostGIS puts together."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import ARRAY, LargeBinary, func
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql.elements import Label
from sqlalchemy.sql.selectable import FromClause

from geoserver_app.core.query import Query
from geoserver_app.features.encode import columns, placed
from geoserver_app.features.format import Reading
from geoserver_app.features.read import POSITION, read_chunks

FID, GEOMETRY = "fid", "geom"
TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("ms", "UTC"),
}


def schema(query: Query) -> pa.Schema:
    """fid, the properties, the geometry as WKB, east first."""
    fields = [pa.field(FID, pa.int64()), *(pa.field(name, TYPES[kind]) for name, kind in columns(query))]
    if query.geometry:
        crs = {"crs": f"EPSG:{query.crs.srid}"}
        metadata = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": json.dumps(crs)}
        fields.append(pa.field(GEOMETRY, pa.binary(), metadata=metadata))
    return pa.schema(fields)


def arrays(query: Query, rows: FromClause) -> Sequence[Label[Any]]:
    """Each column of a chunk as one array."""
    position = rows.c[POSITION]
    names = [FID, *(name for name, _ in columns(query))]
    found: list[Label[Any]] = []
    for name in names:
        column = rows.c[name]
        found.append(Label(name, func.array_agg(aggregate_order_by(column, position), type_=ARRAY(column.type))))
    if query.geometry:
        wkb = func.ST_AsBinary(placed(query, rows, east_first=True), "NDR", type_=LargeBinary)
        found.append(Label(GEOMETRY, func.array_agg(aggregate_order_by(wkb, position), type_=ARRAY(LargeBinary))))
    return found


async def batches(reading: Reading) -> AsyncIterator[pa.RecordBatch]:
    """The rows of a query, a batch a chunk."""
    shape = schema(reading.query)
    async for chunk in read_chunks(reading.database, reading.query, arrays):
        if chunk.count:
            columns = [pa.array(chunk.row[field.name], field.type) for field in shape]
            yield pa.record_batch(columns, schema=shape)
