"""A filter tree as a condition of a statement.

Names are looked up in the layer, functions in a list; every value a client sent is bound, as the
type of what it is compared with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import shapely
from sqlalchemy import Double, Numeric, Table, and_, cast, false, func, literal, not_, or_, true
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from geoserver_app.core import filter as tree
from geoserver_app.core.errors import BadFilter
from geoserver_app.core.publication import Published
from geoserver_app.features import moments
from geoserver_app.features.shapes import bound, literal_shape
from geoserver_app.store.tables import COLUMN_TYPES

GEOMETRY_NAMES = frozenset({"geom", "geometry"})
EXERCISE = "exercise"
NUMERIC = frozenset({"integer", "number"})
TEMPORAL = frozenset({"date", "datetime"})
SIGNS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
DAYS: dict[str, Callable[[Any, Any, Any], ColumnElement[bool]]] = {
    "=": lambda a, first, last: and_(a >= first, a <= last),
    "<>": lambda a, first, last: or_(a < first, a > last),
    "<": lambda a, first, _last: a < first,
    ">": lambda a, _first, last: a > last,
    "<=": lambda a, _first, last: a <= last,
    ">=": lambda a, first, _last: a >= first,
}
"""Comparisons of a time with a day, by the day's first and last moments."""
TEXT_FUNCTIONS: dict[str, Callable[[ColumnElement[Any]], ColumnElement[Any]]] = {
    "casei": func.lower,
    "accenti": func.unaccent,
}
SPATIAL: dict[str, str] = {
    "intersects": "ST_Intersects",
    "equals": "ST_Equals",
    "touches": "ST_Touches",
    "within": "ST_Within",
    "overlaps": "ST_Overlaps",
    "crosses": "ST_Crosses",
    "contains": "ST_Contains",
}
MIXED = frozenset({"intersects", "disjoint"})
"""What PostGIS also answers for collections of mixed geometry."""


def condition(node: tree.Node, published: Published, table: Table, filter_srid: int) -> ColumnElement[bool]:
    """The condition a filter puts on the rows of ``table``.

    Raises UnknownField for a name the caller's layer has not, BadFilter where types do not fit.
    Geometries of the filter without a CRS of their own are read as ``filter_srid``.
    """
    return _Where(published, table, filter_srid).node(node)


def named(name: str, published: Published, table: Table) -> tuple[ColumnElement[Any], str]:
    """A field's column and type by its public name; UnknownField where the caller has none."""
    if name == EXERCISE:
        return table.c.exercise, "boolean"
    found = published.layer.field(name)
    return table.c[found.name], found.type


@dataclass(frozen=True)
class _Where:
    published: Published
    table: Table
    srid: int

    def node(self, node: tree.Node) -> ColumnElement[bool]:  # noqa: PLR0912 - one case a kind of node
        match node:
            case tree.And(parts):
                return and_(true(), *map(self.node, parts))
            case tree.Or(parts):
                return or_(false(), *map(self.node, parts))
            case tree.Not(part):
                return not_(self.node(part))
            case tree.Truth(bool() as value):
                return true() if value else false()
            case tree.Truth(tree.Property(name)):
                column, kind = named(name, self.published, self.table)
                if kind != "boolean":
                    raise BadFilter(f"{name!r} is a {kind}, not a condition", locator="filter")
                return column
            case tree.Compare(op, left, right):
                return self.compare(op, left, right)
            case tree.Like():
                return self.like(node)
            case tree.Between(value, low, high):
                return and_(self.compare(">=", value, low), self.compare("<=", value, high))
            case tree.In(value, items):
                return or_(false(), *(self.compare("=", value, item) for item in items))
            case tree.IsNull(value):
                return self.column(value).is_(None)
            case tree.Spatial():
                return self.spatial(node)
            case tree.DWithin(left, right, metres):
                a, b = self.shape(left)[0], self.shape(right)[0]
                return func.ST_DWithin(func.geography(_degrees(a)), func.geography(_degrees(b)), metres)
            case tree.Temporal(op, left, right):
                return moments.relation(op, self.span(left), self.span(right))
        raise BadFilter(f"{type(node).__name__} is not supported", locator="filter")

    def column(self, value: tree.Expression) -> ColumnElement[Any]:
        if isinstance(value, tree.Property) and value.name in GEOMETRY_NAMES:
            return self.table.c.geom
        return self.expression(value)[0]

    def compare(self, op: str, left: tree.Expression, right: tree.Expression) -> ColumnElement[bool]:
        """A comparison; a time compared with a day is compared with the whole of it."""
        if isinstance(left, tree.Constant) and not isinstance(right, tree.Constant):
            op, left, right = TURNED.get(op, op), right, left
        a, b = self.pair(left, right)
        if isinstance(right, tree.Constant) and self.expression(left)[1] == "datetime":
            day = moments.whole_day(right.value)
            if day is not None:
                return DAYS[op](a, *day)
        return SIGNS[op](a, b)

    def pair(self, left: tree.Expression, right: tree.Expression) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Two operands brought to one type; BadFilter where there is none."""
        if isinstance(left, tree.Constant) and not isinstance(right, tree.Constant):
            b, a = self.pair(right, left)
            return a, b
        a, kind = self.expression(left)
        if isinstance(right, tree.Constant):
            return a, self.constant(right.value, kind, _called(left))
        b, other = self.expression(right)
        if kind == other:
            return a, b
        if {kind, other} <= NUMERIC:
            return cast(a, Double), cast(b, Double)
        if {kind, other} <= TEMPORAL:
            return moments.as_datetime(a, kind), moments.as_datetime(b, other)
        raise BadFilter(f"{_called(left)} is a {kind} and {_called(right)} a {other}", locator="filter")

    def expression(self, value: tree.Expression) -> tuple[ColumnElement[Any], str]:
        match value:
            case tree.Property(name):
                if name in GEOMETRY_NAMES:
                    raise BadFilter("the geometry can only be used in a spatial function", locator="filter")
                return named(name, self.published, self.table)
            case tree.Constant(found):
                kind = _kind(found)
                return self.constant(found, kind, "a value"), kind
            case tree.Function(name, args):
                return self.function(name, args), "string"
            case tree.Arithmetic():
                return self.arithmetic(value)
        raise BadFilter(f"{_called(value)} cannot stand here", locator="filter")

    def constant(self, value: tree.Scalar, kind: str, name: str) -> ColumnElement[Any]:
        """A value of the filter, bound as the type of what it is compared with."""
        given = _kind(value)
        if kind in NUMERIC and given in NUMERIC:
            if kind == "integer" and isinstance(value, float):
                return cast(literal(repr(value), COLUMN_TYPES["string"]), Numeric)
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise BadFilter(f"{value} is larger than any number here", locator="filter")
            return literal(value if kind == "integer" else float(value), COLUMN_TYPES[kind])  # type: ignore[arg-type]
        if kind in TEMPORAL and (given in TEMPORAL or given == "string"):
            return moments.constant(value, kind)
        if kind != given:
            raise BadFilter(f"{value!r} is a {given}, and {name} a {kind}", locator="filter")
        if isinstance(value, str) and "\x00" in value:
            raise BadFilter("a text cannot hold the character NUL", locator="filter")
        return literal(value, COLUMN_TYPES[kind])

    def function(self, name: str, args: tuple[tree.Expression, ...]) -> ColumnElement[Any]:
        if name not in TEXT_FUNCTIONS:
            raise BadFilter(f"there is no function {name!r}; known are {', '.join(TEXT_FUNCTIONS)}", locator="filter")
        if len(args) != 1:
            raise BadFilter(f"{name} takes one argument", locator="filter")
        text, kind = self.expression(args[0])
        if kind != "string":
            raise BadFilter(f"{name} takes a text, not a {kind}", locator="filter")
        return TEXT_FUNCTIONS[name](text)

    def arithmetic(self, node: tree.Arithmetic) -> tuple[ColumnElement[Any], str]:
        (a, left), (b, right) = self.expression(node.left), self.expression(node.right)
        for kind, operand in ((left, node.left), (right, node.right)):
            if kind not in NUMERIC:
                raise BadFilter(f"{_called(operand)} is a {kind}, and {node.op} takes numbers", locator="filter")
        exact = left == right == "integer" and node.op in {"+", "-", "*", "%", "div"}
        # NUMERIC cannot overflow; a division by zero has no value, so the row does not match.
        wide: TypeEngine[Any] = Numeric() if exact or node.op in {"%", "div"} else Double()
        a, b = cast(a, wide), cast(b, wide)
        match node.op:
            case "+":
                found = a + b
            case "-":
                found = a - b
            case "*":
                found = a * b
            case "/":
                found = a / func.nullif(b, 0)
            case "%":
                found = func.mod(a, func.nullif(b, 0))
            case "div":
                found = func.div(a, func.nullif(b, 0))
            case "^":
                found = func.power(a, b)
        return cast(found, Double), "number"

    def like(self, node: tree.Like) -> ColumnElement[bool]:
        value, kind = self.expression(node.value)
        pattern, other = self.expression(node.pattern)
        if kind != "string" or other != "string":
            raise BadFilter(f"LIKE compares texts, and {_called(node.value)} is a {kind}", locator="filter")
        inner: tree.Expression = node.pattern
        while isinstance(inner, tree.Function) and inner.args:
            inner = inner.args[0]
        if not isinstance(inner, tree.Constant):
            raise BadFilter("the pattern of LIKE must be a text", locator="filter")
        text = str(inner.value)
        if (len(text) - len(text.rstrip("\\"))) % 2:
            raise BadFilter("the pattern of LIKE ends with an escape character", locator="filter")
        return value.like(pattern)

    def spatial(self, node: tree.Spatial) -> ColumnElement[bool]:
        a, whole_a = self.shape(node.left, mixed=node.op in MIXED)
        b, whole_b = self.shape(node.right, mixed=node.op in MIXED)
        if node.op == "disjoint":
            return not_(func.ST_Intersects(a, b))
        # A geometry of which a far part was cut off equals nothing here and lies in nothing here.
        if (node.op == "equals" and not (whole_a and whole_b)) or (node.op == "contains" and not whole_b):
            return false()
        if node.op == "within" and not whole_a:
            return false()
        found: ColumnElement[bool] = getattr(func, SPATIAL[node.op])(a, b)
        return found

    def shape(self, value: tree.Expression, *, mixed: bool = False) -> tuple[ColumnElement[Any], bool]:
        if isinstance(value, tree.Property):
            if value.name not in GEOMETRY_NAMES:
                found = named(value.name, self.published, self.table)
                raise BadFilter(f"{value.name!r} is a {found[1]}, not a geometry", locator="filter")
            return self.table.c.geom, True
        if not isinstance(value, tree.Geometry):
            raise BadFilter(f"{_called(value)} is not a geometry", locator="filter")
        shape, whole = literal_shape(value.wkb, value.srid or self.srid, self.published)
        if shape.geom_type == "GeometryCollection" and not mixed and not shape.is_empty:
            shape = shapely.union_all([shape])
            if shape.geom_type == "GeometryCollection":
                raise BadFilter("this function cannot compare with a geometry of mixed types", locator="filter")
        return bound(shape, self.published.publication.srid), whole

    def span(self, value: tree.Expression) -> moments.Span:
        match value:
            case tree.Interval(start, end):
                return moments.span(self.moment(start), self.moment(end))
            case tree.Constant(date() | datetime() as found):
                return moments.span(found, found)
            case tree.Property():
                return moments.span(self.moment(value), self.moment(value))
        raise BadFilter(f"{_called(value)} is neither a time nor an interval", locator="filter")

    def moment(self, value: date | datetime | tree.Property | None) -> moments.Moment:
        if not isinstance(value, tree.Property):
            return value
        column, kind = named(value.name, self.published, self.table)
        if kind not in TEMPORAL:
            raise BadFilter(f"{value.name!r} is a {kind}, not a time", locator="filter")
        return column, kind


def _degrees(shape: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.ST_Transform(shape, 4326)


def _kind(value: tree.Scalar) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case datetime():
            return "datetime"
        case date():
            return "date"
    raise BadFilter("null can only be asked for with IS NULL", locator="filter")


def _called(value: tree.Expression) -> str:
    match value:
        case tree.Property(name):
            return repr(name)
        case tree.Constant(found):
            return repr(found)
        case tree.Function(name, _):
            return f"{name}()"
    return type(value).__name__.lower()
