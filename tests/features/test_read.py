"""Boxes, times, order, pages, counts: what the engine finds and how it walks."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import orjson
import pytest

from geoserver_app.core.crs import CRS84, LAMBERT_72, LAMBERT_2008, WEB_MERCATOR, WGS84, Crs, transform_bounds
from geoserver_app.core.errors import BadParameter
from geoserver_app.core.layer import Box
from geoserver_app.core.publication import Published
from geoserver_app.core.query import Cursor, Order, Page, Query, Window
from geoserver_app.features import read
from geoserver_app.features.cursor import Mark, read_mark, write_mark
from geoserver_app.features.encode import geojson_text
from geoserver_app.features.read import count, read_chunk, read_chunks
from geoserver_app.store.engine import Database
from geoserver_app.store.loading import connect_owner
from tests.conftest import TestDatabase
from tests.features.asking import features, ids, walk
from tests.features.hydrants import create_table, layer, publish_table


async def test_features_leave_as_geojson_with_every_value_as_it_is(reader: Database, hydrants: Published) -> None:
    (found,) = await features(reader, Query(hydrants, ids=(1,)))
    assert found == {
        "type": "Feature",
        "id": 1,
        "geometry": {"type": "Point", "coordinates": [5.2, 50.5]},
        "properties": {
            "name": "Éclair",
            "kind": "pillar",
            "flow": 1000,
            "pressure": 4.5,
            "working": True,
            "checked": "2024-01-01",
            "seen": "2024-01-01T12:00:00.000Z",
            "exercise": False,
        },
    }


async def test_whole_numbers_leave_exact(reader: Database, hydrants: Published) -> None:
    chunk = await read_chunk(reader, Query(hydrants, ids=(5,)), 1, geojson_text)
    assert '"flow":9007199254740993' in chunk.row["text"]


async def test_a_number_that_is_whole_keeps_its_point_so_that_no_reader_takes_it_for_an_integer(
    reader: Database, hydrants: Published
) -> None:
    chunk = await read_chunk(reader, Query(hydrants), 10, geojson_text)
    assert '"pressure":3.0,' in chunk.row["text"]
    assert '"pressure":4.5,' in chunk.row["text"]
    assert '"pressure":3,' not in chunk.row["text"]


@pytest.mark.parametrize(
    ("crs", "expected", "within"),
    [
        (CRS84, (5.2, 50.5), 1e-7),
        (WGS84, (50.5, 5.2), 1e-7),
        (LAMBERT_72, (208972.183, 132464.658), 0.01),
        (LAMBERT_2008, (708975.866, 632472.402), 0.01),
        (WEB_MERCATOR, (578861.352, 6533321.568), 0.01),
    ],
)
async def test_geometry_leaves_in_the_system_asked_and_its_axis_order(
    reader: Database, hydrants: Published, crs: Crs, expected: tuple[float, float], within: float
) -> None:
    (found,) = await features(reader, Query(hydrants, crs=crs, ids=(1,)))
    assert found["geometry"]["coordinates"] == pytest.approx(expected, abs=within)  # type: ignore[index]


async def test_the_control_point_comes_back_in_degrees(shared_database: TestDatabase, reader: Database) -> None:
    made = layer("control", fields=())
    create_table(shared_database.owner_url, "control_p1", made)
    with connect_owner(shared_database.owner_url) as connection:
        connection.execute(
            "INSERT INTO reference.control_p1 VALUES (1, 'k', false,"
            " ST_SetSRID(ST_MakePoint(184781.2, 128873.1), 31370))"
        )
    published = publish_table(shared_database.owner_url, "control_p1", made)
    (found,) = await features(reader, Query(published))
    assert found["geometry"]["coordinates"] == pytest.approx([4.858691, 50.469649], abs=1e-6)  # type: ignore[index]


async def test_only_the_properties_asked_leave_and_no_geometry(reader: Database, hydrants: Published) -> None:
    (found,) = await features(reader, Query(hydrants, ids=(1,), fields=("flow", "name"), geometry=False))
    assert found["geometry"] is None
    assert found["properties"] == {"name": "Éclair", "flow": 1000}
    (bare,) = await features(reader, Query(hydrants, ids=(1,), fields=()))
    assert bare["properties"] == {}


BOXES: list[tuple[Box, set[int]]] = [
    ((5.19, 50.49, 5.26, 50.53), {1, 2}),
    ((5.0, 50.0, 6.0, 51.0), {1, 2, 3, 4, 5}),
    ((5.29, 50.53, 5.31, 50.55), {3}),
    ((5.21, 50.51, 5.24, 50.53), set()),
    ((-180.0, -90.0, 180.0, 90.0), {1, 2, 3, 4, 5}),
    ((-180.0, 85.0, 180.0, 90.0), set()),
    ((177.0, 65.0, -177.0, 70.0), set()),
    ((170.0, -90.0, 5.27, 90.0), {1, 2}),
    ((5.27, -90.0, -170.0, 90.0), {3, 4, 5}),
    ((0.0, -1.0, 1.0, 1.0), set()),
]


@pytest.mark.parametrize(("box", "expected"), BOXES)
async def test_a_box_in_degrees_finds_what_lies_in_it(
    reader: Database, hydrants: Published, hydrants_in_degrees: Published, box: Box, expected: set[int]
) -> None:
    for published in (hydrants, hydrants_in_degrees):
        assert set(await ids(reader, Query(published, windows=(Window(box),)))) == expected


@pytest.mark.parametrize("crs", [LAMBERT_72, LAMBERT_2008, WEB_MERCATOR])
@pytest.mark.parametrize(("box", "expected"), BOXES[:4])
async def test_a_box_in_metres_finds_the_same(
    reader: Database, hydrants: Published, hydrants_in_degrees: Published, crs: Crs, box: Box, expected: set[int]
) -> None:
    metres = transform_bounds(box, 4326, crs.srid)
    for published in (hydrants, hydrants_in_degrees):
        assert set(await ids(reader, Query(published, windows=(Window(metres, crs),)))) == expected


async def test_a_point_on_the_edge_of_a_box_is_in_it(reader: Database, hydrants_in_degrees: Published) -> None:
    for box in ((5.2, 50.4, 5.22, 50.6), (5.1, 50.5, 5.2, 50.5), (5.2, 50.5, 5.2, 50.5)):
        assert await ids(reader, Query(hydrants_in_degrees, windows=(Window(box),))) == [1]


async def test_the_bend_of_a_long_edge_is_followed(shared_database: TestDatabase, reader: Database) -> None:
    """A parallel is bent in Lambert 72: 40 m above a straight edge's ends lies 100 m below its middle."""
    made = layer("bend", fields=())
    create_table(shared_database.owner_url, "bend_p1", made)
    points = {1: (4.5, 50.5002), 2: (4.5, 50.4998), 3: (4.0, 50.5002), 4: (4.0, 50.4998)}
    with connect_owner(shared_database.owner_url) as connection:
        for fid, (lon, lat) in points.items():
            connection.execute(
                "INSERT INTO reference.bend_p1 VALUES (%s, 'k', false,"
                " ST_Transform(ST_SetSRID(ST_MakePoint(%s, %s), 4326), 31370))",
                (fid, lon, lat),
            )
    published = publish_table(shared_database.owner_url, "bend_p1", made)
    assert await ids(reader, Query(published, windows=(Window((3.0, 50.5, 6.0, 51.0)),))) == [1, 3]
    assert await ids(reader, Query(published, windows=(Window((3.0, 50.0, 6.0, 50.5)),))) == [2, 4]


async def test_several_boxes_find_what_lies_in_any(reader: Database, hydrants: Published) -> None:
    windows = (Window((5.19, 50.49, 5.21, 50.51)), Window((5.39, 50.57, 5.41, 50.59)))
    assert await ids(reader, Query(hydrants, windows=windows)) == [1, 5]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2024-01-01", "2024-01-01T23:59:59", {1}),
        ("2024-01-01T12:00:00", "2024-01-01T12:00:00", {1}),
        ("2023-01-01", "2024-01-01T12:00:00", {1, 4}),
        ("2024-01-01T12:00:01", None, {2}),
        (None, "2022-12-31", {5}),
        (None, None, {1, 2, 4, 5}),
    ],
)
async def test_times_find_what_happened_in_them(
    reader: Database, hydrants: Published, start: str | None, end: str | None, expected: set[int]
) -> None:
    times = (moment(start) if start else None, moment(end) if end else None)
    assert set(await ids(reader, Query(hydrants, time=times))) == expected


SORTABLE = ["name", "kind", "flow", "pressure", "working", "checked", "seen", "exercise"]


@pytest.mark.parametrize(("first", "second"), random.Random(7).sample(list(product(SORTABLE, SORTABLE)), 14))
@pytest.mark.parametrize("size", [1, 2, 3])
async def test_walking_pages_meets_each_feature_once_in_order(
    reader: Database, hydrants: Published, first: str, second: str, size: int
) -> None:
    for down, down_too in product((False, True), repeat=2):
        order = (Order(first, down),) if first == second else (Order(first, down), Order(second, down_too))
        query = Query(hydrants, order=order)
        whole = await ids(reader, query)
        assert sorted(whole) == [1, 2, 3, 4, 5]  # type: ignore[type-var]
        assert await walk(reader, query, size) == whole


async def test_nulls_come_last_in_both_directions(reader: Database, hydrants: Published) -> None:
    assert await ids(reader, Query(hydrants, order=(Order("flow"),))) == [2, 4, 1, 5, 3]
    assert await ids(reader, Query(hydrants, order=(Order("flow", True),))) == [5, 1, 2, 4, 3]


async def test_an_offset_counts_rows(reader: Database, hydrants: Published) -> None:
    assert await ids(reader, Query(hydrants, page=Page(offset=3))) == [4, 5]


async def test_a_heavy_chunk_ends_early_and_the_next_goes_on(
    reader: Database, hydrants: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "CHUNK_BYTES", 1)
    chunks = [chunk async for chunk in read_chunks(reader, Query(hydrants, page=Page(limit=3)), geojson_text)]
    assert [chunk.count for chunk in chunks] == [1, 1, 1]
    assert chunks[-1].more
    assert [orjson.loads(chunk.row["text"])["id"] for chunk in chunks] == [1, 2, 3]


async def test_chunks_of_a_whole_layer_join_without_gap(
    reader: Database, hydrants: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "CHUNK_ROWS", 2)
    chunks = [chunk async for chunk in read_chunks(reader, Query(hydrants), geojson_text)]
    assert [chunk.count for chunk in chunks] == [2, 2, 1]
    assert not chunks[-1].more


async def test_matches_are_counted_up_to_a_bound(reader: Database, hydrants: Published) -> None:
    some = Query(hydrants, windows=(Window((5.0, 50.0, 5.36, 51.0)),))
    assert await count(reader, some, 4) == 4
    assert await count(reader, some, 3) is None
    assert await count(reader, Query(hydrants), 0) == 5
    assert await count(reader, replace(some, ids=()), 4) == 0


def test_a_cursor_comes_back_as_it_was(hydrants: Published) -> None:
    order = tuple(Order(name) for name in SORTABLE)
    values = (
        "É",
        None,
        9_007_199_254_740_993,
        0.1 + 0.2,
        True,
        datetime(2024, 1, 1).date(),
        moment("2024-01-01"),
        False,
    )
    mark = Mark(Cursor(values, 7), 3, 12)
    token = write_mark(mark, hydrants.layer, order, "q")
    assert read_mark(token, hydrants.layer, order, "q") == mark


def test_a_cursor_of_another_question_is_refused(hydrants: Published) -> None:
    order = (Order("flow"),)
    token = write_mark(Mark(Cursor((1,), 7), 3), hydrants.layer, order, "q")
    for other_order, other, text in (
        (order, "other", token),
        ((Order("flow", True),), "q", token),
        (order, "q", token[:-2]),
        (order, "q", "é"),
        (order, "q", ""),
        (order, "q", "AAAA" * 5_000),
    ):
        with pytest.raises(BadParameter):
            read_mark(text, hydrants.layer, other_order, other)


async def test_each_question_is_planned_for_its_own_box(shared_database: TestDatabase, hydrants: Published) -> None:
    """A plan kept from other boxes can be a hundred times slower than the one this box deserves."""
    one = Database.open(shared_database.app_url, replace(shared_database.settings, pool_size=1))
    try:
        for _ in range(8):
            await ids(one, Query(hydrants, windows=(Window((5.0, 50.0, 6.0, 51.0)),)))
        async with one.read() as lent:
            plans = await lent.row(
                "SELECT max(generic_plans) AS kept, max(custom_plans) AS own FROM pg_prepared_statements"
                " WHERE statement LIKE 'SELECT string_agg%'"
            )
    finally:
        await one.close()
    assert plans is not None
    assert (plans["kept"], plans["own"]) == (0, 8)
