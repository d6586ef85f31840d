"""What filters find among five hydrants whose values can be read in `hydrants.py`."""

import pytest

from geoserver_app.core.errors import BadParameter, UnknownField
from geoserver_app.core.publication import Published
from geoserver_app.core.query import Query
from geoserver_app.filters.cql2 import parse_text
from geoserver_app.store.engine import Database
from tests.features.asking import LIMITS, features, matching

ANSWERS = [
    ("flow = 500", {2, 4}),
    ("flow <> 500", {1, 5}),
    ("flow > 500.5", {1, 5}),
    ("flow = 500.0", {2, 4}),
    ("flow < 500.5 AND flow > 499.5", {2, 4}),
    # One more would be the same number in floating point.
    ("flow = 9007199254740993", {5}),
    ("flow = 9007199254740992", set()),
    ("pressure = 3", {3, 4}),
    ("pressure BETWEEN 3 AND 4.5", {1, 3, 4}),
    ("pressure < 0", {5}),
    ("pressure = -1.5", {5}),
    ("pressure IS NULL", {2}),
    ("name IS NULL AND kind IS NULL", {5}),
    ("geom IS NOT NULL", {1, 2, 3, 4, 5}),
    ("NOT (pressure = 3)", {1, 5}),
    ("working", {1, 3}),
    ("NOT working", {2, 5}),
    ("working = FALSE", {2, 5}),
    ("working IS NULL", {4}),
    ("TRUE", {1, 2, 3, 4, 5}),
    ("FALSE OR flow = 1000", {1}),
    ("name = 'Brume'", {2}),
    ("name = 'O''Hara 100%'", {4}),
    ("name IN ('Brume', 'brume')", {2, 3}),
    ("name NOT IN ('Brume', 'brume')", {1, 4}),
    ("name LIKE 'Br%'", {2}),
    ("name LIKE '_rume'", {2, 3}),
    ("name LIKE '%100\\%'", {4}),
    ("name LIKE '%0\\%%'", {4}),
    ("name LIKE '%\\_%'", set()),
    ("name NOT LIKE '%rume'", {1, 4}),
    ("CASEI(name) = CASEI('BRUME')", {2, 3}),
    ("CASEI(name) = CASEI('éCLAIR')", {1}),
    ("CASEI(name) LIKE CASEI('BR%')", {2, 3}),
    ("ACCENTI(name) = ACCENTI('Eclair')", {1}),
    ("ACCENTI(CASEI(name)) LIKE ACCENTI(CASEI('%ECLAÏR%'))", {1}),
    ("CASEI(name) IN (CASEI('ÉCLAIR'), CASEI('brume'))", {1, 2, 3}),
    ("kind > 'h'", {1, 2}),
    ("flow + 1 = 501", {2, 4}),
    ("flow / 3 > 166.6 AND flow / 3 < 166.7", {2, 4}),
    ("flow DIV 3 = 166", {2, 4}),
    ("flow % 300 = 200", {2, 4}),
    ("(flow - 400) * 2 = 200", {2, 4}),
    ("pressure ^ 2 = 9", {3, 4}),
    ("flow / (pressure - 3) > 0", {1}),
    ("flow * flow * flow > 0", {1, 2, 4, 5}),
    ("2 * pressure = 2 + 4", {3, 4}),
    ("flow = pressure", set()),
    ("flow > pressure", {1, 4, 5}),
    ("kind = name", set()),
    ("checked = DATE('2024-01-01')", {1}),
    ("checked >= DATE('2024-01-01')", {1, 2}),
    ("checked < '2023-06-01'", {4, 5}),
    ("seen > TIMESTAMP('2024-01-01T11:59:59Z')", {1, 2}),
    ("seen = TIMESTAMP('2024-01-01T13:00:00+01:00')", {1}),
    ("seen > checked", {1}),
    ("seen = DATE('2024-01-01')", {1}),
    ("seen = '2024-01-01'", {1}),
    ("seen > DATE('2024-01-01')", {2}),
    ("DATE('2024-01-01') < seen", {2}),
    ("seen >= DATE('2024-01-01')", {1, 2}),
    ("seen <= DATE('2024-01-01') AND seen > DATE('2023-12-31')", {1}),
    ("seen <> DATE('2024-01-01') AND seen > DATE('2023-12-31')", {2}),
    ("seen BETWEEN DATE('2023-12-31') AND DATE('2024-01-01')", {1}),
    ("seen IN (DATE('2024-01-01'), DATE('1999-01-01'))", {1}),
    ("T_INTERSECTS(seen, DATE('2024-01-01'))", {1}),
    ("T_EQUALS(checked, DATE('2024-01-01'))", {1}),
    ("T_AFTER(seen, DATE('2023-12-31'))", {1, 2}),
    ("T_AFTER(seen, TIMESTAMP('2024-01-01T12:00:00Z'))", {2}),
    ("T_BEFORE(checked, DATE('2023-01-01'))", {5}),
    ("T_DURING(seen, INTERVAL('2022-12-31', '2024-01-01T12:00:00.001Z'))", {1, 4}),
    ("T_DURING(seen, INTERVAL('..', '2022-12-31'))", {5}),
    ("T_DISJOINT(seen, INTERVAL('2023-01-01', '..'))", {5}),
    ("T_INTERSECTS(seen, INTERVAL('2023-01-01', '2024-01-01'))", {1, 4}),
    ("T_MEETS(INTERVAL('2022-01-01', seen), INTERVAL('2024-01-01T12:00:00Z', '..'))", {1}),
    ("T_STARTS(INTERVAL(seen, seen), INTERVAL('2024-06-01', '2024-06-02'))", {2}),
    ("T_FINISHES(INTERVAL(seen, '..'), INTERVAL('2022-06-01', '..'))", {1, 2, 4}),
    ("T_CONTAINS(INTERVAL('2023-12-31', '2024-01-03'), seen)", {1}),
    ("T_OVERLAPS(INTERVAL(checked, '2024-03-01'), INTERVAL('2024-02-01', '2024-04-01'))", {1, 4, 5}),
    ("exercise", {5}),
    ("exercise = false", {1, 2, 3, 4}),
    ("S_INTERSECTS(geom, POINT(5.2 50.5))", set()),
    ("S_INTERSECTS(geom, POLYGON((5.19 50.49, 5.26 50.49, 5.26 50.53, 5.19 50.53, 5.19 50.49)))", {1, 2}),
    ("S_INTERSECTS(geometry, BBOX(5.19, 50.49, 5.26, 50.53))", {1, 2}),
    ("S_INTERSECTS(BBOX(5.19, 50.49, 5.26, 50.53), geom)", {1, 2}),
    ("S_WITHIN(geom, BBOX(5.19, 50.49, 5.26, 50.53))", {1, 2}),
    ("S_CONTAINS(BBOX(5.19, 50.49, 5.26, 50.53), geom)", {1, 2}),
    ("S_DISJOINT(geom, BBOX(5.19, 50.49, 5.26, 50.53))", {3, 4, 5}),
    ("S_TOUCHES(geom, BBOX(5.19, 50.49, 5.26, 50.53))", set()),
    ("S_CONTAINS(geom, BBOX(-180, -90, 180, 90))", set()),
    ("S_EQUALS(geom, geom)", {1, 2, 3, 4, 5}),
    ("S_WITHIN(geom, BBOX(-180, -90, 180, 90))", {1, 2, 3, 4, 5}),
    ("S_INTERSECTS(geom, BBOX(170, -90, 5.27, 90))", {1, 2}),
    # A bow tie: its two triangles meet in 5.3, 50.55, above the third hydrant.
    ("S_INTERSECTS(geom, POLYGON((5.1 50.4, 5.5 50.7, 5.5 50.4, 5.1 50.7, 5.1 50.4)))", {1, 2, 4, 5}),
    ("S_INTERSECTS(geom, MULTIPOINT((5.2 50.5), (6 51)))", set()),
    ("S_INTERSECTS(geom, GEOMETRYCOLLECTION(POINT(0 0), POLYGON((5.1 50.4, 5.22 50.4, 5.22 50.6, 5.1 50.4))))", {1}),
]


@pytest.mark.parametrize(("text", "expected"), ANSWERS, ids=[text for text, _ in ANSWERS])
async def test_the_filter_finds(reader: Database, hydrants: Published, text: str, expected: set[int]) -> None:
    assert await matching(reader, hydrants, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "name = 1",
        "flow = '500'",
        "flow = TRUE",
        "working = 1",
        "working = 'true'",
        "pressure = 'x'",
        "checked = 5",
        "checked = 'yesterday'",
        "checked = TIMESTAMP('2024-01-01T00:00:00Z')",
        "name",
        "name = flow",
        "flow LIKE '5%'",
        "name LIKE 5",
        "name LIKE kind",
        "name LIKE 'x\\'",
        "name + 1 = 2",
        "casei(flow) = 'x'",
        "casei(name, kind) = 'x'",
        "pg_sleep(1) = 1",
        "upper(name) = 'X'",
        "geom = 1",
        "S_INTERSECTS(name, POINT(1 1))",
        "T_AFTER(flow, DATE('2020-01-01'))",
        "flow = 99999999999999999999",
        "name = 'a\x00b'",
        "flow IN (1, 'x')",
        "flow BETWEEN 'a' AND 'b'",
        "INTERVAL('2020-01-01', '..') = 1",
        "S_TOUCHES(geom, GEOMETRYCOLLECTION(POINT(5.2 50.5), LINESTRING(5 50, 6 51)))",
    ],
)
async def test_what_does_not_fit_the_fields_is_refused(reader: Database, hydrants: Published, text: str) -> None:
    with pytest.raises(BadParameter):
        await matching(reader, hydrants, text)


@pytest.mark.parametrize("name", ["nothing", "fid", "source_key", "ctid", 'name"; DROP TABLE x; --', "name' OR '1'='1"])
async def test_names_that_are_no_fields_are_told(reader: Database, hydrants: Published, name: str) -> None:
    quoted = name.replace('"', '""')
    with pytest.raises(UnknownField):
        await matching(reader, hydrants, f'"{quoted}" = 1')


async def test_deepest_allowed_filters_become_statements(reader: Database, hydrants: Published) -> None:
    assert await matching(reader, hydrants, "NOT " * 48 + "working") == {1, 3}
    assert await matching(reader, hydrants, "casei(" * 45 + "name" + ")" * 45 + " = 'brume'") == {2, 3}
    assert await matching(reader, hydrants, "flow" + " + 0" * 47 + " = 500") == {2, 4}
    assert await matching(reader, hydrants, " OR ".join(["flow = 500"] * 500)) == {2, 4}
    nested = "flow = 500"
    for _ in range(22):
        nested = f"({nested} AND (TRUE OR flow = 1))"
    assert await matching(reader, hydrants, nested) == {2, 4}


async def test_geometry_of_the_filter_may_be_in_another_system(reader: Database, hydrants: Published) -> None:
    lambert = parse_text("S_INTERSECTS(geom, BBOX(208900, 132400, 212500, 134800))", LIMITS)
    from geoserver_app.core.crs import LAMBERT_72

    found = await features(reader, Query(hydrants, filter=lambert, filter_crs=LAMBERT_72))
    assert {feature["id"] for feature in found} == {1, 2}
