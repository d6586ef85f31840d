"""The query engine: one question becomes statements whose answers PostGIS has already encoded.

Rows are read in chunks bounded in number and weight. A chunk is one row of the answer, its
features put together by the database; the next chunk starts after the key of the last one, so
no connection is held while a client reads.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Label,
    Select,
    Table,
    Text,
    and_,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql.selectable import FromClause

from geoserver_app.core.layer import Value
from geoserver_app.core.query import Cursor, Order, Query
from geoserver_app.features import moments
from geoserver_app.features.shapes import bound, window_shape
from geoserver_app.features.where import condition, named
from geoserver_app.store.engine import Database, Record
from geoserver_app.store.tables import COLUMN_TYPES, feature_table

CHUNK_ROWS = 2_000
CHUNK_BYTES = 8_000_000
"""Weight of the rows of one chunk; its text is a few times that."""
POSITION, WEIGHT, LAST = "#n", "#weight", "#last"
"""Names no field can have."""

Aggregates = Callable[[Query, FromClause], Sequence[Label[Any]]]
"""What a format wants of the rows of a chunk: aggregates over the picked rows."""


@dataclass(frozen=True)
class Chunk:
    """Some rows: the format's aggregates, how many rows, whether more follow, where they ended."""

    row: Record
    count: int
    more: bool
    last: Cursor | None


def conditions(query: Query, table: Table) -> ColumnElement[bool]:
    """Everything the query asks of a row, page and order aside."""
    published = query.target
    asked: list[ColumnElement[bool]] = []
    if query.windows:
        srid = published.publication.srid
        shapes = [bound(window_shape(window, published), srid) for window in query.windows]
        asked.append(or_(false(), *(func.ST_Intersects(table.c.geom, shape) for shape in shapes)))
    if query.ids is not None:
        asked.append(table.c.fid.in_(query.ids) if query.ids else false())
    if query.time is not None and (name := published.layer.datetime_field):
        column, kind = named(name, published, table)
        start, end = moments.span((column, kind), (column, kind))
        asked += [end >= query.time[0]] if query.time[0] else []
        asked += [start <= query.time[1]] if query.time[1] else []
        asked += [] if any(query.time) else [column.is_not(None)]
    if query.filter is not None:
        asked.append(condition(query.filter, published, table, query.filter_crs.srid))
    return and_(True, *asked)


def chunk_statement(query: Query, rows: int, aggregates: Aggregates) -> Select[Any]:
    """One chunk of at most ``rows`` rows after the query's cursor, as one row."""
    table = feature_table(query.target)
    asked = conditions(query, table)
    if query.page.after is not None:
        asked = and_(asked, _after(query.page.after, query, table))
    found = (
        select(*table.c)
        .where(asked)
        .order_by(*(_ordering(by, query, table) for by in query.order), table.c.fid)
        .limit(rows + 1)
        .offset(query.page.offset or None)
        .subquery("found")
    )
    size = _weight(found)
    counted = select(
        *found.c,
        func.row_number().over().label(POSITION),
        (func.sum(size).over(rows=(None, 0)) - size).label(WEIGHT),
    ).subquery("counted")
    kept = and_(counted.c[POSITION] <= rows, counted.c[WEIGHT] < CHUNK_BYTES)
    names = ["fid", *(by.field for by in query.order)]
    lasts = [_last(counted, name, kept).label(f"{LAST}{at}") for at, name in enumerate(names)]
    return select(
        *(Label(label.name, label.element.filter(kept)) for label in aggregates(query, counted)),
        func.count().filter(kept).label("kept"),
        func.count().label("found"),
        *lasts,
    ).select_from(counted)


def _weight(found: FromClause) -> ColumnElement[Any]:
    """Bytes of a row, geometry as stored and texts as they are, told without unpacking either."""
    parts: list[ColumnElement[Any]] = [func.pg_column_size(found.c.geom)]
    parts += [func.coalesce(func.octet_length(c), 0) for c in found.c if isinstance(c.type, Text)]
    # Added in pairs, so that a layer of many fields makes no deep expression.
    while len(parts) > 1:
        parts = [sum(parts[at : at + 2], start=literal_column("0")) for at in range(0, len(parts), 2)]
    return parts[0]


def _last(counted: FromClause, name: str, kept: ColumnElement[bool]) -> ColumnElement[Any]:
    column = counted.c[name]
    ordered = aggregate_order_by(column, counted.c[POSITION].desc())
    return func.array_agg(ordered, type_=ARRAY(column.type)).filter(kept)[1]


def _ordering(by: Order, query: Query, table: Table) -> ColumnElement[Any]:
    column, _ = named(by.field, query.target, table)
    return (column.desc() if by.descending else column.asc()).nulls_last()


def _after(cursor: Cursor, query: Query, table: Table) -> ColumnElement[bool]:
    """Rows behind the cursor: later in the first order field that differs; nulls come last."""
    ways: list[ColumnElement[bool]] = []
    same: list[ColumnElement[bool]] = []
    for by, value in zip(query.order, cursor.values, strict=True):
        column, kind = named(by.field, query.target, table)
        if value is not None:
            limit = literal(value, COLUMN_TYPES[kind])
            later = column < limit if by.descending else column > limit
            ways.append(and_(*same, or_(later, column.is_(None))))
            same.append(column == limit)
        else:
            same.append(column.is_(None))
    ways.append(and_(*same, table.c.fid > cursor.fid))
    return or_(*ways)


async def read_chunk(database: Database, query: Query, rows: int, aggregates: Aggregates) -> Chunk:
    async with database.read() as reader:
        row = await reader.row(chunk_statement(query, rows, aggregates))
    assert row is not None  # noqa: S101 - an aggregate always answers
    last = None
    if row["kept"]:
        values: list[Value] = [row[f"{LAST}{at}"] for at in range(1, len(query.order) + 1)]
        last = Cursor(tuple(values), row[f"{LAST}0"])
    return Chunk(row, row["kept"], row["found"] > row["kept"], last)


async def read_chunks(database: Database, query: Query, aggregates: Aggregates) -> AsyncIterator[Chunk]:
    """The rows of a query, chunk after chunk; the last one tells whether rows follow its page."""
    left = query.page.limit
    while True:
        rows = CHUNK_ROWS if left is None else min(CHUNK_ROWS, left)
        chunk = await read_chunk(database, query, rows, aggregates)
        yield chunk
        left = None if left is None else left - chunk.count
        if not chunk.more or left == 0:
            return
        query = replace(query, page=replace(query.page, after=chunk.last, offset=0, limit=left))


async def count(database: Database, query: Query, most: int) -> int | None:
    """How many rows match; None where they are more than ``most`` and counting would cost.

    A whole layer's number is known without counting.
    """
    if not (query.windows or query.filter or query.ids is not None or _limits_time(query)):
        return query.target.publication.count
    table = feature_table(query.target)
    some = select(literal(1)).select_from(table).where(conditions(query, table)).limit(most + 1).subquery()
    async with database.read() as reader:
        found: int = await reader.value(select(func.count()).select_from(some))
    return found if found <= most else None


def _limits_time(query: Query) -> bool:
    return query.time is not None and query.target.layer.datetime_field is not None


async def peek(chunks: AsyncIterator[Chunk]) -> tuple[Chunk, AsyncIterator[Chunk]]:
    """The first chunk, and all of them: a statement that fails does so before any header goes out."""
    first = await anext(chunks)

    async def again() -> AsyncIterator[Chunk]:
        yield first
        async for chunk in chunks:
            yield chunk

    return first, again()
