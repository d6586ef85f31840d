"""CQL2 JSON: the same tree from a decoded document."""

from collections.abc import Mapping
from typing import Any

from shapely.geometry.base import BaseGeometry

from geoserver_app.core import filter as tree
from geoserver_app.core.errors import BadFilter
from geoserver_app.filters import geometry
from geoserver_app.filters.build import ARITHMETIC, COMPARE, Built, as_expression, as_node, call, instant, interval
from geoserver_app.filters.limits import Budget, Limits

SHAPES = {
    "Point": "POINT", "LineString": "LINESTRING", "Polygon": "POLYGON", "MultiPoint": "MULTIPOINT",
    "MultiLineString": "MULTILINESTRING", "MultiPolygon": "MULTIPOLYGON", "GeometryCollection": "GEOMETRYCOLLECTION",
}  # fmt: skip


class JsonParser:
    """Reads one filter; use once."""

    def __init__(self, limits: Limits, north_first: bool) -> None:
        self.budget = Budget(limits)
        self.north_first = north_first

    def parse(self, document: object) -> tree.Node:
        return as_node(self.read(document, "the filter", 0), "the filter")

    def built(self, value: object, where: str, *parts: Built) -> Built:
        self.budget.node(f"at {where}")
        return Built(value, 1 + max((part.height for part in parts), default=0))

    def read(self, document: object, where: str, depth: int) -> Built:
        self.budget.depth(depth, "at a part of the document")
        if isinstance(document, bool | int | float | str):
            return self.built(tree.Constant(document), where)
        if not isinstance(document, Mapping):
            raise BadFilter(f"{where}: expected an operation or a value", locator="filter")
        if "op" in document:
            return self.operation(document, where, depth)
        if "property" in document:
            return self.built(tree.Property(self.text(document["property"], f"{where}.property")), where)
        for name in ("date", "timestamp"):
            if name in document:
                text = self.text(document[name], f"{where}.{name}")
                return self.built(tree.Constant(instant(text, name, where)), where)
        if "interval" in document:
            ends = self.items(document["interval"], f"{where}.interval")
            if len(ends) != 2:
                raise BadFilter(f"{where}: an interval has two ends", locator="filter")
            start, end = (self.read(one, f"{where}.interval", depth + 1).value for one in ends)
            return self.built(interval(start, end, where), where)
        if "bbox" in document and "type" not in document:
            numbers = [self.number(one, where) for one in self.items(document["bbox"], f"{where}.bbox")]
            return self.built(geometry.finished(geometry.box(numbers, north_first=self.north_first)), where)
        if document.get("type") in SHAPES:
            return self.built(geometry.finished(self.shape(document, where, 0)), where)
        raise BadFilter(f"{where}: expected op, property, date, timestamp, interval or a geometry", locator="filter")

    def operation(self, document: Mapping[str, Any], where: str, depth: int) -> Built:
        name = self.text(document["op"], f"{where}.op")
        where = f"{where[:200]}/{name[:20]}"
        args = self.items(document.get("args"), f"{where}.args")
        if name in {"in", "between"}:
            return self.listed(name, args, where, depth)
        parts = [self.read(arg, f"{where}[{at}]", depth + 1) for at, arg in enumerate(args)]
        return self.built(self.node(name, parts, where), where, *parts)

    def node(self, name: str, parts: list[Built], where: str) -> tree.Node | tree.Expression:
        if name in {"and", "or"}:
            self.need(len(parts) >= 2, where, "two or more arguments")
            nodes = tuple(as_node(part, where) for part in parts)
            return tree.And(nodes) if name == "and" else tree.Or(nodes)
        if name == "not":
            self.need(len(parts) == 1, where, "one argument")
            return tree.Not(as_node(parts[0], where))
        if name in {"isNull", "isnull"}:
            self.need(len(parts) == 1, where, "one argument")
            return tree.IsNull(as_expression(parts[0], where))
        if name in COMPARE or name in ARITHMETIC or name == "like":
            self.need(len(parts) == 2, where, "two arguments")
            left, right = (as_expression(part, where) for part in parts)
            if name == "like":
                return tree.Like(left, right)
            if name in COMPARE:
                return tree.Compare(name, left, right)  # type: ignore[arg-type]
            return tree.Arithmetic(name, left, right)  # type: ignore[arg-type]
        return call(name.lower(), parts, where)

    def listed(self, name: str, args: list[Any], where: str, depth: int) -> Built:
        """`in` has its values in a list; `between` has three arguments, or its ends in a list."""
        if name == "in" or (len(args) == 2 and isinstance(args[1], list)):
            self.need(len(args) == 2, where, "a value and a list")
            args = [args[0], *self.items(args[1], f"{where}[1]")]
        parts = [self.read(arg, f"{where}[{at}]", depth + 1) for at, arg in enumerate(args)]
        value, *items = (as_expression(part, where) for part in parts)
        if name == "in":
            self.need(bool(items), where, "at least one value")
            return self.built(tree.In(value, tuple(items)), where, *parts)
        self.need(len(items) == 2, where, "a value and two ends")
        return self.built(tree.Between(value, items[0], items[1]), where, *parts)

    def need(self, met: bool, where: str, wanted: str) -> None:
        if not met:
            raise BadFilter(f"{where}: expected {wanted}", locator="filter")

    def text(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise BadFilter(f"{where}: expected a text", locator="filter")
        return value

    def items(self, value: object, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise BadFilter(f"{where}: expected a list", locator="filter")
        return value

    def number(self, value: object, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadFilter(f"{where}: expected a number", locator="filter")
        return geometry.finite(float(value))

    def shape(self, document: object, where: str, depth: int) -> BaseGeometry:
        """A GeoJSON geometry; heights are dropped."""
        self.budget.depth(depth, f"at {where[:200]}")
        if not isinstance(document, Mapping) or document.get("type") not in SHAPES:
            raise BadFilter(f"{where}: expected a GeoJSON geometry", locator="filter")
        kind = SHAPES[document["type"]]
        if kind == "GEOMETRYCOLLECTION":
            parts = self.items(document.get("geometries"), f"{where}.geometries")
            return geometry.many(kind, [self.shape(part, where, depth + 1) for part in parts])
        coordinates = self.items(document.get("coordinates"), f"{where}.coordinates")
        if kind.startswith("MULTI"):
            single = kind.removeprefix("MULTI")
            return geometry.many(kind, [self.part(single, part, where) for part in coordinates])
        return self.part(kind, coordinates, where)

    def part(self, kind: str, coordinates: object, where: str) -> BaseGeometry:
        if kind == "POINT":
            return geometry.point(self.position(coordinates, where))
        items = self.items(coordinates, where)
        if kind == "LINESTRING":
            return geometry.line([self.position(one, where) for one in items])
        return geometry.polygon([[self.position(one, where) for one in self.items(ring, where)] for ring in items])

    def position(self, value: object, where: str) -> tuple[float, float]:
        self.budget.vertex(f"at {where[:200]}")
        numbers = [self.number(one, where) for one in self.items(value, where)]
        if len(numbers) not in {2, 3}:
            raise BadFilter(f"{where}: a position has two or three numbers", locator="filter")
        x, y = numbers[0], numbers[1]
        return (y, x) if self.north_first else (x, y)
