"""Expressions that PostGIS evaluates to encode a row: geometry, values, whole GeoJSON features."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Label, Numeric, Text, and_, case, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql.selectable import FromClause

from geoserver_app.core.crs import CRS84, Crs
from geoserver_app.core.query import Query
from geoserver_app.features.where import EXERCISE

DIGITS_DEGREES, DIGITS_METRES = 7, 3


def columns(query: Query) -> tuple[tuple[str, str], ...]:
    """Name and type of every value of a feature in the order it is written."""
    every = (*((f.name, f.type) for f in query.target.layer.fields), (EXERCISE, "boolean"))
    if query.fields is None:
        return every
    return tuple((name, kind) for name, kind in every if name in query.fields)


def placed(query: Query, rows: FromClause, *, east_first: bool = False) -> ColumnElement[Any]:
    """The geometry in the query's CRS, with its axes in the order of that CRS unless told otherwise."""
    geom: ColumnElement[Any] = rows.c.geom
    if query.crs.srid != query.target.publication.srid:
        geom = func.ST_Transform(geom, query.crs.srid)
    if query.crs.north_first and not east_first:
        geom = func.ST_FlipCoordinates(geom)
    elif query.crs == CRS84 and not east_first and query.target.layer.dimension == 2:
        # RFC 7946, 3.1.6: shells run counterclockwise.
        geom = func.ST_ForcePolygonCCW(geom)
    return geom


def digits(crs: Crs) -> int:
    return DIGITS_METRES if crs.metres else DIGITS_DEGREES


def moment_text(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A time as RFC 3339 in UTC, whatever the session's zone."""
    return func.to_char(func.timezone("UTC", column), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')


def number_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A number with its decimal point, even where it is whole.

    Readers that guess a field's type from the first features (GDAL) would take it for an integer
    and cut later values.
    """
    whole = and_(column == func.trunc(column), func.abs(column) < 1e15)
    return case((whole, func.to_json(func.round(cast(column, Numeric), 1))), else_=func.to_json(column))


_WRITTEN = {"datetime": moment_text, "number": number_json}
"""Types whose values are not written as PostgreSQL writes them."""


def geojson(query: Query, rows: FromClause) -> ColumnElement[Any]:
    """A row as the text of a GeoJSON feature."""
    if query.geometry:
        shape: ColumnElement[Any] = func.ST_AsGeoJSON(placed(query, rows), digits(query.crs), 0)
    else:
        shape = _text("null")
    wanted = columns(query)
    if wanted:
        values = [_WRITTEN.get(kind, _as_is)(rows.c[name]).label(name) for name, kind in wanted]
        named = select(*values).correlate(rows).subquery("p")
        properties: ColumnElement[Any] = cast(
            select(func.row_to_json(named.table_valued())).correlate(rows).scalar_subquery(), Text
        )
    else:
        properties = _text("{}")
    return func.concat(
        _text('{"type":"Feature","id":'),
        rows.c.fid,
        _text(',"geometry":'),
        shape,
        _text(',"properties":'),
        properties,
        _text("}"),
    )


def geojson_text(query: Query, rows: FromClause) -> Sequence[Label[Any]]:
    """All features of a chunk as one text, comma between them."""
    feature = aggregate_order_by(_text(","), rows.c["#n"])
    return [Label("text", func.string_agg(geojson(query, rows), feature))]


def _as_is(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return column


def _text(fixed: str) -> ColumnElement[str]:
    return literal_column("'" + fixed.replace("'", "''") + "'", Text)
