"""Filters nobody thought of: whatever can be written either finds something or is refused."""

import random

from geoserver_app.core.errors import BadParameter
from geoserver_app.core.publication import Published
from geoserver_app.store.engine import Database
from tests.features.asking import matching

FIELDS = ["name", "kind", "flow", "pressure", "working", "checked", "seen", "exercise"]
VALUES = ["'x'", "''", "'%'", "'_\\%'", "'a\\\\'", "0", "1", "-1", "500", "0.5", "1e300", "1e-300",
          "9223372036854775807", "9223372036854775808", "TRUE", "FALSE", "DATE('2024-01-01')", "DATE('0001-01-01')",
          "DATE('9999-12-31')", "TIMESTAMP('2024-01-01T00:00:00Z')", "TIMESTAMP('2024-01-01T00:00:00.123456+14:00')",
          "'2024-01-01'"]  # fmt: skip
SHAPES = ["geom", "POINT(5.2 50.5)", "POINT(0 90)", "POINT(-180 -90)", "POINT(1e10 1e10)", "BBOX(5,50,6,51)",
          "BBOX(170,-90,-170,90)", "BBOX(0,0,0,0)", "LINESTRING(5 50, 6 51)", "LINESTRING(-180 0, 180 0)",
          "LINESTRING(5 50, 5 50)", "POLYGON((5 50, 6 51, 6 50, 5 51, 5 50))", "POLYGON((5 50, 6 50, 5 50, 5 50))",
          "POLYGON((-180 -90, 180 -90, 180 90, -180 90, -180 -90))", "MULTIPOINT((5 50), (5.2 50.5))",
          "MULTIPOLYGON(((5 50, 6 50, 6 51, 5 50)), ((5 50, 6 50, 6 51, 5 50)))",
          "GEOMETRYCOLLECTION(POINT(5.2 50.5), POLYGON((5 50, 6 50, 6 51, 5 50)))",
          "GEOMETRYCOLLECTION(POINT(0 0), LINESTRING(100 0, 120 0))"]  # fmt: skip
SUMS = ["+", "-", "*", "/", "%", "^", "div"]
SIGNS = ["=", "<>", "<", ">", "<=", ">="]
SPATIAL = ["INTERSECTS", "EQUALS", "DISJOINT", "TOUCHES", "WITHIN", "OVERLAPS", "CROSSES", "CONTAINS"]
TEMPORAL = ["AFTER", "BEFORE", "CONTAINS", "DISJOINT", "DURING", "EQUALS", "FINISHEDBY", "FINISHES", "INTERSECTS",
            "MEETS", "METBY", "OVERLAPPEDBY", "OVERLAPS", "STARTEDBY", "STARTS"]  # fmt: skip


class Writer:
    """Writes filters of any shape; most of them make little sense."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, depth: int = 0) -> str:
        one = self.random.random()
        if one < 0.45:
            return self.random.choice(FIELDS)
        if one < 0.85 or depth > 3:
            return self.random.choice(VALUES)
        if one < 0.93:
            return f"{self.random.choice(['CASEI', 'ACCENTI'])}({self.value(depth + 1)})"
        return f"({self.value(depth + 1)} {self.random.choice(SUMS)} {self.value(depth + 1)})"

    def time(self) -> str:
        if self.random.random() < 0.4:
            ends = ["'..'", "'2023-06-01'", "'2024-01-01T12:00:00Z'", "seen", "checked"]
            return f"INTERVAL({self.random.choice(ends)}, {self.random.choice(ends)})"
        return self.random.choice(["seen", "checked", "flow", *VALUES[16:21]])

    def shape(self) -> str:
        return self.random.choice(["geom", self.random.choice(SHAPES)])

    def condition(self, depth: int = 0) -> str:
        match self.random.randrange(12 if depth < 3 else 9):
            case 0 | 1 | 2:
                return f"{self.value()} {self.random.choice(SIGNS)} {self.value()}"
            case 3:
                return f"{self.value()} LIKE {self.value()}"
            case 4:
                return f"{self.value()} BETWEEN {self.value()} AND {self.value()}"
            case 5:
                return f"{self.value()} IN ({self.value()}, {self.value()})"
            case 6:
                return f"{self.value()} IS NOT NULL"
            case 7:
                return f"S_{self.random.choice(SPATIAL)}({self.shape()}, {self.shape()})"
            case 8:
                return f"T_{self.random.choice(TEMPORAL)}({self.time()}, {self.time()})"
            case 9:
                return f"NOT ({self.condition(depth + 1)})"
        joint = self.random.choice(["AND", "OR"])
        return f"({self.condition(depth + 1)}) {joint} ({self.condition(depth + 1)})"


async def test_random_filters_find_or_are_refused(reader: Database, hydrants: Published) -> None:
    writer = Writer(20_261_122)
    answered = 0
    for _ in range(1_500):
        text = writer.condition()
        try:
            found = await matching(reader, hydrants, text)
        except BadParameter:
            continue
        except Exception as error:
            raise AssertionError(text) from error
        assert found <= {1, 2, 3, 4, 5}
        answered += 1
    assert answered > 300


async def test_a_condition_and_its_opposite_never_both_hold(reader: Database, hydrants: Published) -> None:
    writer = Writer(7)
    for _ in range(400):
        text = writer.condition()
        try:
            yes = await matching(reader, hydrants, text)
            no = await matching(reader, hydrants, f"NOT ({text})")
        except BadParameter:
            continue
        assert not yes & no, text
