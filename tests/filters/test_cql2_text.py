"""CQL2 text becomes the tree it says, or an error that says where."""

from datetime import UTC, date, datetime

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geoserver_app.core import filter as tree
from geoserver_app.core.errors import BadFilter
from geoserver_app.core.filter import And, Between, Compare, Constant, In, IsNull, Like, Not, Or, Property, Truth
from geoserver_app.filters.cql2 import Limits, parse_text

LIMITS = Limits()
A, B, C = Property("a"), Property("b"), Property("c")


def is_one(name: Property) -> Compare:
    return Compare("=", name, Constant(1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1", is_one(A)),
        ("1 = a", Compare("=", Constant(1), A)),
        ("a<>b", Compare("<>", A, B)),
        ("a = 1 OR b = 1 AND c = 1", Or((is_one(A), And((is_one(B), is_one(C)))))),
        ("(a = 1 or b = 1) and c = 1", And((Or((is_one(A), is_one(B))), is_one(C)))),
        ("NOT a = 1 AND b = 1", And((Not(is_one(A)), is_one(B)))),
        ("NOT (a = 1 AND b = 1)", Not(And((is_one(A), is_one(B))))),
        ("a", Truth(A)),
        ("NOT a", Not(Truth(A))),
        ("TRUE", Truth(True)),
        ("a = TRUE", Compare("=", A, Constant(True))),
        ("a IS NULL", IsNull(A)),
        ("a is not null", Not(IsNull(A))),
        ("a IN (1, 2)", In(A, (Constant(1), Constant(2)))),
        ("a NOT IN ('x')", Not(In(A, (Constant("x"),)))),
        ("a BETWEEN 1 AND 2 AND b = 1", And((Between(A, Constant(1), Constant(2)), is_one(B)))),
        ("a NOT BETWEEN -1 AND +2", Not(Between(A, Constant(-1), Constant(2)))),
        ("a LIKE 'x%'", Like(A, Constant("x%"))),
        ("a not like 'x\\%'", Not(Like(A, Constant("x\\%")))),
        ("\"select\" = 'it''s'", Compare("=", Property("select"), Constant("it's"))),
        ('"a""b" = \'it\\\'s\'', Compare("=", Property('a"b'), Constant("it's"))),
        ("CASEI(a) = casei('É')", Compare("=", tree.Function("casei", (A,)), tree.Function("casei", (Constant("É"),)))),
        ("a + 2 * b > 1", Compare(">", tree.Arithmetic("+", A, tree.Arithmetic("*", Constant(2), B)), Constant(1))),
        ("(a + 2) * b > 1", Compare(">", tree.Arithmetic("*", tree.Arithmetic("+", A, Constant(2)), B), Constant(1))),
        ("a - b - c = 1", Compare("=", tree.Arithmetic("-", tree.Arithmetic("-", A, B), C), Constant(1))),
        ("a ^ b ^ c = 1", Compare("=", tree.Arithmetic("^", A, tree.Arithmetic("^", B, C)), Constant(1))),
        ("a DIV 2 = 1", Compare("=", tree.Arithmetic("div", A, Constant(2)), Constant(1))),
        ("a = .5e1", Compare("=", A, Constant(5.0))),
        ("date = DATE('2021-07-14')", Compare("=", Property("date"), Constant(date(2021, 7, 14)))),
        (
            "a > TIMESTAMP('2021-07-14T12:00:00+02:00')",
            Compare(">", A, Constant(datetime.fromisoformat("2021-07-14T12:00:00+02:00"))),
        ),
        (
            "T_DURING(a, INTERVAL('2021-07-14', '..'))",
            tree.Temporal("during", A, tree.Interval(date(2021, 7, 14), None)),
        ),
        (
            "T_METBY(INTERVAL(a, b), INTERVAL('..', '2021-07-14T00:00:00Z'))",
            tree.Temporal("met_by", tree.Interval(A, B), tree.Interval(None, datetime(2021, 7, 14, tzinfo=UTC))),
        ),
    ],
)
def test_text_becomes_this_tree(text: str, expected: tree.Node) -> None:
    assert parse_text(text, LIMITS) == expected


def test_integers_stay_exact_however_long() -> None:
    assert parse_text("a = 9007199254740993", LIMITS) == Compare("=", A, Constant(9_007_199_254_740_993))
    assert parse_text("a = -99999999999999999999999", LIMITS) == Compare("=", A, Constant(-99999999999999999999999))


@pytest.mark.parametrize(
    ("text", "wkt"),
    [
        ("POINT(1 2)", "POINT (1 2)"),
        ("POINT Z (1 2 3)", "POINT (1 2)"),
        ("POINT(1 2 3)", "POINT (1 2)"),
        ("point(-1.5 +2e1)", "POINT (-1.5 20)"),
        ("LINESTRING(0 0, 1 1, 2 0)", "LINESTRING (0 0, 1 1, 2 0)"),
        ("POLYGON((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5))",
         "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5))"),
        ("MULTIPOINT((0 0), (1 1))", "MULTIPOINT ((0 0), (1 1))"),
        ("MULTIPOINT(0 0, 1 1)", "MULTIPOINT ((0 0), (1 1))"),
        ("MULTILINESTRING((0 0, 1 1), (2 2, 3 3))", "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))"),
        ("MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"),
        ("GEOMETRYCOLLECTION(POINT(0 0), LINESTRING(0 0, 1 1))",
         "GEOMETRYCOLLECTION (POINT (0 0), LINESTRING (0 0, 1 1))"),
        ("BBOX(1, 2, 3, 4)", "POLYGON ((3 2, 3 4, 1 4, 1 2, 3 2))"),
        ("BBOX(1, 2, -9, 3, 4, 9)", "POLYGON ((3 2, 3 4, 1 4, 1 2, 3 2))"),
    ],
)  # fmt: skip
def test_well_known_text_becomes_this_geometry(text: str, wkt: str) -> None:
    node = parse_text(f"S_INTERSECTS(geom, {text})", LIMITS)
    assert isinstance(node, tree.Spatial)
    assert isinstance(node.right, tree.Geometry)
    assert shapely.from_wkb(node.right.wkb).equals_exact(shapely.from_wkt(wkt))


def test_a_box_across_the_antimeridian_is_two_areas() -> None:
    node = parse_text("S_WITHIN(geom, BBOX(170, -10, -170, 10))", LIMITS)
    assert isinstance(node, tree.Spatial)
    assert isinstance(node.right, tree.Geometry)
    shape = shapely.from_wkb(node.right.wkb)
    assert shape.area == 2 * 10 * 20
    assert shape.contains(shapely.Point(175, 0))
    assert shape.contains(shapely.Point(-175, 0))
    assert not shape.contains(shapely.Point(0, 0))


def test_coordinates_written_north_first_are_turned_once() -> None:
    for text in ("S_INTERSECTS(geom, POINT(50 5))", "S_INTERSECTS(geom, BBOX(50, 5, 50, 5))"):
        node = parse_text(text, LIMITS, north_first=True)
        assert isinstance(node, tree.Spatial)
        assert isinstance(node.right, tree.Geometry)
        assert shapely.from_wkb(node.right.wkb).bounds == (5, 50, 5, 50)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at position 1: expected a value or a condition, found the end"),
        ("a = ", "at position 5: expected a value or a condition, found the end"),
        ("a = 1 b", "at position 7: expected AND, OR or the end, found 'b'"),
        ("a = = 1", "at position 5: expected a value or a condition, found '='"),
        ("a = b = c", "at position 7: expected AND, OR or the end, found '='"),
        ("(a = 1", "at position 7: expected ')', found the end"),
        ("a ? 1", "at position 3: '?' cannot stand here"),
        ("a = 'x", "at position 5: a closing quote is missing"),
        ("a BETWEEN 1 OR 2", "at position 13: expected AND, found 'OR'"),
        ("a NOT = 1", "at position 7: expected LIKE, BETWEEN or IN, found '='"),
        ("a IS 1", "at position 6: expected NULL, found '1'"),
        ("1", "at position 1: expected a condition, found 1"),
        ("a = 1 AND 2", "at position 7: expected a condition, found 2"),
        ("(a = 1) + 1 = 2", "at position 9: expected a value, found a condition"),
        ("S_INTERSECTS(geom)", "at position 1: S_INTERSECTS takes two arguments"),
        ("S_INTERSECTS(geom, 1)", "at position 1: S_INTERSECTS takes geometries, not 1"),
        ("S_NEAR(geom, POINT(1 1))", "at position 1: there is no function S_NEAR"),
        ("T_AFTER(a, 'yesterday')", "at position 1: T_AFTER takes times, not 'yesterday'"),
        ("a = DATE('2021-02-30')", "at position 5: '2021-02-30' is not a date of RFC 3339"),
        ("T_DURING(a, INTERVAL('2021-02-02', '2021-01-01'))", "at position 13: the interval ends before it starts"),
        ("S_INTERSECTS(geom, POINT(1))", "at position 27: expected a number, found ')'"),
        ("S_INTERSECTS(geom, POLYGON((0 0, 1 1, 0 0)))",
         "a ring needs at least four positions, the last equal to the first"),
        ("S_INTERSECTS(geom, POINT(1e999 0))", "at position 26: the number is too large"),
        ("a IN ()", "at position 3: IN needs at least one value"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(BadFilter) as caught:
        parse_text(text, LIMITS)
    assert caught.value.detail == told
    assert caught.value.locator == "filter"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "(" * 10_000 + "a" + ")" * 10_000,
        "NOT " * 10_000 + "a",
        "a = " + "-" * 10_000 + "1",
        "a = " + "1+" * 3_000 + "1",
        "a = " + "(1+" * 60 + "1" + ")" * 60,
        "a = 2" + "^2" * 300,
        "casei(" * 5_000 + "a" + ")" * 5_000 + " = 'x'",
        "S_INTERSECTS(geom, " + "GEOMETRYCOLLECTION(" * 3_000,
        " OR ".join(["a = 1"] * 3_000),
        f"a IN ({','.join(['1'] * 5_000)})",
        "S_INTERSECTS(geom, LINESTRING(" + ",".join(["1 1"] * 20_000) + "))",
        "a = '" + "x" * 1_000_000 + "'",
        "'" * 1_000_001,
        "a = " + "9" * 5_000,
        '"' * 50_001,
    ],
)
def test_what_is_too_large_or_too_deep_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        parse_text(text, LIMITS)


def test_long_filters_within_the_limits_are_read() -> None:
    node = parse_text(" OR ".join(["a = 1"] * 600), LIMITS)
    assert isinstance(node, Or)
    assert len(node.parts) == 600


WORDS = st.sampled_from(
    ["a", "=", "<", "(", ")", ",", "AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "'x'", "1", "-", "*",
     "POINT", "S_INTERSECTS", "geom", "T_AFTER", "INTERVAL", "DATE", "'2021-01-01'", "CASEI", "BBOX", "Z", "TRUE"]
)  # fmt: skip


@given(st.one_of(st.text(), st.lists(WORDS, max_size=25).map(" ".join)))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        parse_text(text, LIMITS)
    except BadFilter as refused:
        assert refused.detail
