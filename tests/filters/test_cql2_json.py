"""CQL2 JSON becomes the same tree as text; an independent parser translates between the two."""

import json
from typing import Any

import cql2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoserver_app.core.errors import BadFilter
from geoserver_app.core.filter import And, Between, Compare, Constant, Property, Truth
from geoserver_app.filters.cql2 import Limits, parse_json, parse_text
from geoserver_app.filters.read import read_filter

LIMITS = Limits()

CORPUS = [
    "a = 1",
    "a <> 'x'",
    "a < 1.5 AND b >= 2",
    "a = 1 OR b = 2 AND c = 3",
    "NOT a = 1",
    "a = TRUE",
    "a IS NULL",
    "a IS NOT NULL",
    "a LIKE 'x%'",
    "a NOT LIKE '_x%'",
    "a BETWEEN 1 AND 10",
    "a NOT BETWEEN 1 AND 10",
    "a IN ('x', 'y')",
    "a NOT IN (1, 2, 3)",
    "CASEI(a) = CASEI('Straße')",
    "ACCENTI(CASEI(a)) LIKE ACCENTI(CASEI('%é%'))",
    "a + b * 2 > 10",
    "a / 2 - b = 1",
    "S_INTERSECTS(geom, POINT(1 2))",
    "S_WITHIN(geom, POLYGON((0 0, 10 0, 10 10, 0 10, 0 0)))",
    "S_DISJOINT(geom, LINESTRING(0 0, 1 1))",
    "S_CROSSES(geom, MULTILINESTRING((0 0, 1 1), (2 2, 3 3)))",
    "S_OVERLAPS(geom, MULTIPOLYGON(((0 0, 10 0, 10 10, 0 0))))",
    "S_CONTAINS(geom, BBOX(1, 2, 3, 4))",
    "T_AFTER(seen, DATE('2021-07-14'))",
    "T_DURING(seen, INTERVAL('2021-07-14', '2021-07-16'))",
    "T_INTERSECTS(seen, INTERVAL('..', '2021-07-14T00:00:00Z'))",
    "T_BEFORE(seen, TIMESTAMP('2021-07-14T12:00:00Z'))",
    "checked = DATE('2021-07-14')",
    "a = b",
]


@pytest.mark.parametrize("text", CORPUS)
def test_an_independent_translation_to_json_gives_the_same_tree(text: str) -> None:
    document = cql2.parse_text(text).to_json()
    assert parse_json(document, LIMITS) == parse_text(text, LIMITS)


NAMES = st.sampled_from(["a", "b", "height"])
NUMBERS = st.integers(0, 1000)
TEXTS = st.text(alphabet="abc %_éÉ'", max_size=8)


def comparisons() -> st.SearchStrategy[str]:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    value = st.one_of(NUMBERS.map(str), TEXTS.map(quoted))
    sign = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    plain = st.tuples(NAMES, sign, value).map(lambda t: f"{t[0]} {t[1]} {t[2]}")
    null = NAMES.map(lambda n: f"{n} IS NULL")
    member = st.tuples(NAMES, st.lists(value, min_size=1, max_size=3)).map(lambda t: f"{t[0]} IN ({', '.join(t[1])})")
    return st.one_of(plain, null, member)


FILTERS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        inner.map(lambda f: f"NOT ({f})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]}) AND ({t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]}) OR ({t[1]})"),
    ),
    max_leaves=6,
)


@given(FILTERS)
def test_any_filter_means_the_same_in_both_encodings(text: str) -> None:
    assert flat(parse_json(cql2.parse_text(text).to_json(), LIMITS)) == flat(parse_text(text, LIMITS))


def flat(node: Any) -> Any:
    """`a AND (b AND c)` and `a AND b AND c` are one condition; translators differ on which they write."""
    from geoserver_app.core.filter import Not, Or

    if isinstance(node, Not):
        return Not(flat(node.part))
    if isinstance(node, And | Or):
        parts: list[Any] = []
        for part in map(flat, node.parts):
            parts += part.parts if isinstance(part, type(node)) else [part]
        return type(node)(tuple(parts))
    return node


def test_between_takes_three_arguments_or_a_list_of_ends() -> None:
    expected = Between(Property("a"), Constant(1), Constant(2))
    for args in ([{"property": "a"}, 1, 2], [{"property": "a"}, [1, 2]]):
        assert parse_json({"op": "between", "args": args}, LIMITS) == expected


def test_a_boolean_property_stands_alone() -> None:
    assert parse_json({"property": "a"}, LIMITS) == Truth(Property("a"))
    assert parse_json(True, LIMITS) == Truth(True)


def test_whole_numbers_stay_exact() -> None:
    text = '{"op":"=","args":[{"property":"a"},9007199254740993]}'
    assert read_filter(text, "cql2-json", LIMITS) == Compare("=", Property("a"), Constant(9_007_199_254_740_993))


@pytest.mark.parametrize(
    "document",
    [
        None,
        1,
        "x",
        [],
        {},
        {"op": 1, "args": []},
        {"op": "="},
        {"op": "=", "args": {}},
        {"op": "=", "args": [1]},
        {"op": "and", "args": [True]},
        {"op": "and", "args": [1, 2]},
        {"op": "=", "args": [{"property": 1}, 2]},
        {"op": "=", "args": [{"property": "a"}, None]},
        {"op": "in", "args": [{"property": "a"}, []]},
        {"op": "in", "args": [{"property": "a"}, 1]},
        {"op": "between", "args": [{"property": "a"}]},
        {"op": "s_intersects", "args": [{"property": "geom"}, {"type": "Point", "coordinates": ["1", 2]}]},
        {"op": "s_intersects", "args": [{"property": "geom"}, {"type": "Point"}]},
        {"op": "s_intersects", "args": [{"property": "geom"}, {"type": "Curve", "coordinates": []}]},
        {"op": "s_intersects", "args": [{"property": "geom"}, {"type": "Polygon", "coordinates": [[[0, 0]]]}]},
        {"op": "s_intersects", "args": [{"property": "geom"}, {"type": "Point", "coordinates": [1, True]}]},
        {"op": "t_after", "args": [{"property": "a"}, {"date": "2021-13-01"}]},
        {"op": "t_after", "args": [{"property": "a"}, {"interval": ["2021-01-01"]}]},
        {"op": "a_contains", "args": [1, 2]},
    ],
)
def test_what_is_no_filter_is_refused(document: object) -> None:
    with pytest.raises(BadFilter):
        parse_json(document, LIMITS)


def test_deep_documents_are_refused() -> None:
    deep: object = {"property": "a"}
    for _ in range(900):
        deep = {"op": "not", "args": [deep]}
    with pytest.raises(BadFilter):
        parse_json(deep, LIMITS)
    text = '{"op":"not","args":[' * 10_000 + "true" + "]}" * 10_000
    with pytest.raises(BadFilter):
        read_filter(text, "cql2-json", Limits(length=1_000_000))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.fixed_dictionaries(
            {"op": st.sampled_from(["and", "=", "in", "s_within", "t_during", "like", "casei", "x"])},
            optional={"args": st.lists(inner, max_size=3)},
        ),
        st.fixed_dictionaries({"property": inner}),
        st.fixed_dictionaries({"interval": st.lists(inner, max_size=2)}),
        st.fixed_dictionaries({"type": st.sampled_from(["Point", "MultiPolygon"]), "coordinates": inner}),
        st.fixed_dictionaries({"bbox": inner}),
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_document_does_anything_but_parse_or_be_refused(document: object) -> None:
    try:
        parse_json(document, LIMITS)
    except BadFilter as refused:
        assert json.dumps(refused.detail)
