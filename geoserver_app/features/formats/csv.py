"""Comma-separated values (RFC 4180), lines put together by PostGIS."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Label, Numeric, Text, case, cast, func, literal_column
from sqlalchemy.dialects.postgresql import aggregate_order_by, array
from sqlalchemy.sql.selectable import FromClause

from geoserver_app.core.query import Query
from geoserver_app.features.encode import columns, digits, moment_text, placed
from geoserver_app.features.format import Format, Reading
from geoserver_app.features.read import POSITION, read_chunks

NEWLINE = "\r\n"


class Csv(Format):
    """UTF-8. Points as two columns, other geometry as well-known text; nothing at all means null."""

    name, media_type, suffix = "csv", "text/csv; charset=utf-8", "csv"

    async def write(self, reading: Reading) -> AsyncIterator[bytes]:
        chunks = read_chunks(reading.database, reading.query, csv_text)
        first = True
        async for chunk in chunks:
            if first:
                yield (",".join(header(reading.query)) + NEWLINE).encode()
                first = False
            if chunk.count:
                yield (chunk.row["text"] + NEWLINE).encode()


def header(query: Query) -> list[str]:
    names = ["id", *(name for name, _ in columns(query))]
    if query.geometry:
        names += _axes(query) if _is_point(query) else ["geometry"]
    return names


def _is_point(query: Query) -> bool:
    return query.target.layer.geometry == "Point"


def _axes(query: Query) -> list[str]:
    if query.crs.metres:
        return ["x", "y"]
    return ["latitude", "longitude"] if query.crs.north_first else ["longitude", "latitude"]


def csv_text(query: Query, rows: FromClause) -> Sequence[Label[Any]]:
    """All lines of a chunk as one text, line ends between them."""
    values = [cast(rows.c.fid, Text), *(_value(rows.c[name], kind) for name, kind in columns(query))]
    if query.geometry:
        shape = placed(query, rows)
        if _is_point(query):
            values += [_coordinate(func.ST_X(shape), query), _coordinate(func.ST_Y(shape), query)]
        else:
            # Well-known text has commas, and never quotes.
            values.append(func.concat('"', func.ST_AsText(shape, digits(query.crs)), '"'))
    line = func.array_to_string(array(values), ",")
    newline: ColumnElement[str] = literal_column("E'\\r\\n'")
    return [Label("text", func.string_agg(line, aggregate_order_by(newline, rows.c[POSITION])))]


def _coordinate(value: ColumnElement[Any], query: Query) -> ColumnElement[Any]:
    return cast(func.round(cast(value, Numeric), digits(query.crs)), Text)


def _value(column: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
    match kind:
        case "string":
            quoted = func.concat('"', func.replace(column, '"', '""'), '"')
            plain = column.regexp_match('[",\\r\\n]|^\\s|\\s$|^$')
            return case((column.is_(None), ""), (plain, quoted), else_=column)
        case "datetime":
            return func.coalesce(moment_text(column), "")
        case "date":
            return func.coalesce(func.to_char(column, "YYYY-MM-DD"), "")
        case "boolean":
            return case((column.is_(None), ""), (column, "true"), else_="false")
    return func.coalesce(cast(column, Text), "")
