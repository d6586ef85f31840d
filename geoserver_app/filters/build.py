"""Parts of the filter tree that text and JSON put together alike."""

from datetime import date, datetime
from typing import Any, NamedTuple

from geoserver_app.core import filter as tree
from geoserver_app.core.errors import BadFilter
from geoserver_app.core.filter import SpatialOp, TemporalOp
from geoserver_app.filters.instants import read_instant

SPATIAL: dict[str, SpatialOp] = {
    "s_intersects": "intersects",
    "s_equals": "equals",
    "s_disjoint": "disjoint",
    "s_touches": "touches",
    "s_within": "within",
    "s_overlaps": "overlaps",
    "s_crosses": "crosses",
    "s_contains": "contains",
}
TEMPORAL: dict[str, TemporalOp] = {
    "t_after": "after",
    "t_before": "before",
    "t_contains": "contains",
    "t_disjoint": "disjoint",
    "t_during": "during",
    "t_equals": "equals",
    "t_finishedby": "finished_by",
    "t_finishes": "finishes",
    "t_intersects": "intersects",
    "t_meets": "meets",
    "t_metby": "met_by",
    "t_overlappedby": "overlapped_by",
    "t_overlaps": "overlaps",
    "t_startedby": "started_by",
    "t_starts": "starts",
}
ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "div", "^"})
COMPARE = frozenset({"=", "<>", "<", ">", "<=", ">="})
EXPRESSIONS = (tree.Property, tree.Constant, tree.Interval, tree.Geometry, tree.Function, tree.Arithmetic)


class Built(NamedTuple):
    """A node or expression, and how deep it is."""

    value: Any
    height: int = 1


def as_node(built: Built, where: str) -> tree.Node:
    """A condition: a boolean constant or property may stand alone as one."""
    value = built.value
    if isinstance(value, tree.Property):
        return tree.Truth(value)
    if isinstance(value, tree.Constant) and isinstance(value.value, bool):
        return tree.Truth(value.value)
    if isinstance(value, EXPRESSIONS):
        raise BadFilter(f"{where}: expected a condition, found {shown(value)}", locator="filter")
    node: tree.Node = value
    return node


def as_expression(built: Built, where: str) -> tree.Expression:
    if not isinstance(built.value, EXPRESSIONS):
        raise BadFilter(f"{where}: expected a value, found a condition", locator="filter")
    return built.value


def call(name: str, args: list[Built], where: str) -> tree.Node | tree.Expression:
    """A function by its lower-case name: a spatial or temporal predicate, or a function of values."""
    values = [as_expression(arg, where) for arg in args]
    if name in SPATIAL or name in TEMPORAL:
        if len(values) != 2:
            raise BadFilter(f"{where}: {name.upper()} takes two arguments", locator="filter")
        if name in SPATIAL:
            return tree.Spatial(SPATIAL[name], *(_spatial(value, name, where) for value in values))
        return tree.Temporal(TEMPORAL[name], *(_temporal(value, name, where) for value in values))
    if name.startswith(("s_", "t_", "a_")):
        raise BadFilter(f"{where}: there is no function {name.upper()}", locator="filter")
    return tree.Function(name, tuple(values))


def _spatial(value: tree.Expression, name: str, where: str) -> tree.Expression:
    if not isinstance(value, tree.Property | tree.Geometry):
        raise BadFilter(f"{where}: {name.upper()} takes geometries, not {shown(value)}", locator="filter")
    return value


def _temporal(value: tree.Expression, name: str, where: str) -> tree.Expression:
    if isinstance(value, tree.Constant) and not isinstance(value.value, date):
        raise BadFilter(f"{where}: {name.upper()} takes times, not {shown(value)}", locator="filter")
    if not isinstance(value, tree.Property | tree.Constant | tree.Interval):
        raise BadFilter(f"{where}: {name.upper()} takes times, not {shown(value)}", locator="filter")
    return value


def instant(text: str, wanted: str, where: str) -> date | datetime:
    """A ``date`` or ``timestamp`` by its text."""
    try:
        found = read_instant(text)
        if wanted == "date" and isinstance(found, datetime):
            raise ValueError(text)
        if wanted == "timestamp" and not isinstance(found, datetime):
            raise ValueError(text)
    except ValueError:
        raise BadFilter(f"{where}: {text[:40]!r} is not a {wanted} of RFC 3339", locator="filter") from None
    return found


def interval(start: object, end: object, where: str) -> tree.Interval:
    first, last = _end(start, where), _end(end, where)
    moments = [m for m in (first, last) if isinstance(m, date)]
    if len(moments) == 2 and _moment(moments[0]) > _moment(moments[1]):
        raise BadFilter(f"{where}: the interval ends before it starts", locator="filter")
    return tree.Interval(first, last)


def _end(value: object, where: str) -> date | datetime | tree.Property | None:
    if isinstance(value, tree.Constant):
        value = value.value
    if isinstance(value, str):
        return None if value == ".." else instant(value, "time", where)
    if isinstance(value, date | tree.Property):
        return value
    raise BadFilter(f"{where}: an interval runs from a time to a time", locator="filter")


def _moment(value: date) -> str:
    return value.isoformat()[:10]


def shown(value: object) -> str:
    match value:
        case tree.Property(name):
            return f"the property {name!r}"
        case tree.Constant(found):
            return repr(found)[:60]
        case tree.Function(name, _):
            return f"{name}()"
    return f"a {type(value).__name__.lower()}"
