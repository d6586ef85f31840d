"""Times in filters: instants, days and intervals, and how they lie to each other.

A day given where times are compared means the whole of it, in UTC: from its first to its last
microsecond. An open end lies beyond every time.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import DateTime, and_, cast, func, literal, literal_column, not_, or_
from sqlalchemy.sql.elements import ColumnElement

from geoserver_app.core.errors import BadFilter
from geoserver_app.core.filter import Scalar
from geoserver_app.filters.instants import read_instant
from geoserver_app.store.tables import COLUMN_TYPES

Moment = date | datetime | tuple[ColumnElement[Any], str] | None
"""A value, a column with its type, or an open end."""
Span = tuple[ColumnElement[Any], ColumnElement[Any]]

STAMP = DateTime(timezone=True)
DAY = timedelta(days=1) - timedelta(microseconds=1)
EARLIEST = literal_column("'-infinity'::timestamptz", STAMP)
LATEST = literal_column("'infinity'::timestamptz", STAMP)
LAST_OF_DAY: ColumnElement[Any] = literal_column("interval '1 day -1 microsecond'")


def first_moment(value: date | datetime) -> datetime:
    """The value itself, or the first moment of a day."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC)


def last_moment(value: date | datetime) -> datetime:
    """The value itself, or the last moment of a day."""
    return first_moment(value) if isinstance(value, datetime) else first_moment(value) + DAY


def as_datetime(column: ColumnElement[Any], kind: str) -> ColumnElement[Any]:
    """A date column as the first moment of its day in UTC; a time as it is."""
    return func.timezone("UTC", cast(column, DateTime())) if kind == "date" else column


def constant(value: Scalar, kind: str) -> ColumnElement[Any]:
    """A value compared with a date or a time; a text is read as ISO 8601."""
    if isinstance(value, str):
        value = read_moment(value)
    if not isinstance(value, date):
        raise BadFilter(f"{value!r} is not a time", locator="filter")
    if kind == "date" and isinstance(value, datetime):
        raise BadFilter(f"{value.isoformat()} is a time, and the field holds days", locator="filter")
    return literal(value if kind == "date" else first_moment(value), COLUMN_TYPES[kind])


def whole_day(value: Scalar) -> Span | None:
    """First and last moment of a day, where the value is one."""
    found = read_moment(value) if isinstance(value, str) else value
    if isinstance(found, datetime) or not isinstance(found, date):
        return None
    return literal(first_moment(found), STAMP), literal(last_moment(found), STAMP)


def read_moment(text: str) -> date | datetime:
    """Read an RFC 3339 day or time; BadFilter otherwise. Times without a zone are UTC."""
    try:
        return read_instant(text)
    except ValueError:
        raise BadFilter(f"{text!r} is neither a day nor a time of RFC 3339", locator="filter") from None


def span(start: Moment, end: Moment) -> Span:
    return _end(start, first_moment, EARLIEST, last=False), _end(end, last_moment, LATEST, last=True)


def _end(
    value: Moment, place: Callable[[date | datetime], datetime], beyond: ColumnElement[Any], *, last: bool
) -> ColumnElement[Any]:
    if value is None:
        return beyond
    if isinstance(value, tuple):
        column, kind = value
        found = as_datetime(column, kind)
        return found + LAST_OF_DAY if last and kind == "date" else found
    return literal(place(value), STAMP)


Relation = Callable[[Any, Any, Any, Any], ColumnElement[bool]]
RELATIONS: dict[str, Relation] = {
    "after": lambda a0, _a1, _b0, b1: a0 > b1,
    "before": lambda _a0, a1, b0, _b1: a1 < b0,
    "disjoint": lambda a0, a1, b0, b1: or_(a0 > b1, a1 < b0),
    "intersects": lambda a0, a1, b0, b1: not_(or_(a0 > b1, a1 < b0)),
    "equals": lambda a0, a1, b0, b1: and_(a0 == b0, a1 == b1),
    "contains": lambda a0, a1, b0, b1: and_(a0 < b0, a1 > b1),
    "during": lambda a0, a1, b0, b1: and_(a0 > b0, a1 < b1),
    "meets": lambda _a0, a1, b0, _b1: a1 == b0,
    "met_by": lambda a0, _a1, _b0, b1: a0 == b1,
    "overlaps": lambda a0, a1, b0, b1: and_(a0 < b0, a1 > b0, a1 < b1),
    "overlapped_by": lambda a0, a1, b0, b1: and_(a0 > b0, a0 < b1, a1 > b1),
    "starts": lambda a0, a1, b0, b1: and_(a0 == b0, a1 < b1),
    "started_by": lambda a0, a1, b0, b1: and_(a0 == b0, a1 > b1),
    "finishes": lambda a0, a1, b0, b1: and_(a0 > b0, a1 == b1),
    "finished_by": lambda a0, a1, b0, b1: and_(a0 < b0, a1 == b1),
}
"""Allen's relations between two intervals (CQL2 clause 7.5) by their first and last moments."""


def relation(op: str, a: Span, b: Span) -> ColumnElement[bool]:
    """How two intervals lie to each other; an instant is both its ends."""
    return RELATIONS[op](*a, *b)
