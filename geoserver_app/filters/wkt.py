"""Well-known text inside CQL2 text."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from shapely.geometry.base import BaseGeometry

from geoserver_app.core.errors import BadFilter
from geoserver_app.core.filter import Geometry
from geoserver_app.filters import geometry

if TYPE_CHECKING:
    from geoserver_app.filters.cql2_text import TextParser

T = TypeVar("T")

PARTS = {"MULTIPOINT": "POINT", "MULTILINESTRING": "LINESTRING", "MULTIPOLYGON": "POLYGON"}
SHAPES = frozenset({"POINT", "LINESTRING", "POLYGON", *PARTS, "GEOMETRYCOLLECTION", "BBOX"})


class WktReader:
    """Reads a geometry from the words of a parser. Heights are read and dropped."""

    def __init__(self, parser: "TextParser") -> None:
        self.parser = parser

    def read(self) -> Geometry:
        word = self.parser.now.word
        if word == "BBOX":
            self.parser.at += 1
            self.parser.take_sign("(")
            numbers = [self.number()]
            while self.parser.is_sign(","):
                self.parser.at += 1
                numbers.append(self.number())
            self.parser.take_sign(")")
            return geometry.finished(geometry.box(numbers, north_first=self.parser.north_first))
        return geometry.finished(self.shape(0))

    def shape(self, depth: int) -> BaseGeometry:
        parser = self.parser
        parser.budget.depth(depth, parser.where())
        word = parser.now.word
        if word not in SHAPES or word == "BBOX":
            raise parser.unexpected("a geometry")
        parser.at += 1
        if parser.now.word == "Z":
            parser.at += 1
        if word == "GEOMETRYCOLLECTION":
            return geometry.many(word, self.list_of(lambda: self.shape(depth + 1)))
        if word in PARTS:
            return geometry.many(word, self.list_of(lambda: self.part(PARTS[word])))
        return self.part(word)

    def part(self, word: str) -> BaseGeometry:
        if word == "POINT":
            # MULTIPOINT (1 2, 3 4) is an older spelling of MULTIPOINT ((1 2), (3 4)).
            if not self.parser.is_sign("("):
                return geometry.point(self.position())
            return geometry.point(self.positions(most=1)[0])
        if word == "LINESTRING":
            return geometry.line(self.positions())
        return geometry.polygon(self.list_of(self.positions))

    def list_of(self, read: Callable[[], T]) -> list[T]:
        self.parser.take_sign("(")
        found = [read()]
        while self.parser.is_sign(","):
            self.parser.at += 1
            found.append(read())
        self.parser.take_sign(")")
        return found

    def positions(self, most: int | None = None) -> list[tuple[float, float]]:
        found = self.list_of(self.position)
        if most is not None and len(found) > most:
            raise BadFilter(f"{self.parser.where()}: a point has one position", locator="filter")
        return found

    def position(self) -> tuple[float, float]:
        self.parser.budget.vertex(self.parser.where())
        x, y = self.number(), self.number()
        if not (self.parser.is_sign(",") or self.parser.is_sign(")")):
            self.number()
        return (y, x) if self.parser.north_first else (x, y)

    def number(self) -> float:
        parser = self.parser
        sign = -1.0 if parser.is_sign("-") else 1.0
        if parser.is_sign("-") or parser.is_sign("+"):
            parser.at += 1
        if parser.now.kind != "number":
            raise parser.unexpected("a number")
        value = geometry.finite(sign * float(parser.number(parser.now)))
        parser.at += 1
        return value
