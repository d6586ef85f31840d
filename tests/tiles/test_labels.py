"""Names of surfaces: one point each in the tiles, however many tiles the surface is cut into."""

import dataclasses
from collections import Counter

import httpx
import psycopg
import pytest
import shapely

from geoserver_app.core.layer import Layer, Risk, Zoom
from geoserver_app.features.grid import LAMBERT_72_GRID, WEB_MERCATOR_QUAD, Grid
from tests.conftest import TestDatabase, application
from tests.ingest.support import Row, bands, load
from tests.tiles.hand import decode, describe, field, layer, publish

TOWNS = layer(
    "towns", field("name"), field("people", "integer"), geometry="MultiPolygon", label="name", zoom=Zoom(0, 14)
)
ADDRESSES = {
    WEB_MERCATOR_QUAD: "/tiles/towns/{level}/{column}/{row}.mvt",
    LAMBERT_72_GRID: "/ogc/collections/towns/tiles/Lambert72/{level}/{row}/{column}",
}
WORLD = 40_075_016.68557849


def towns(count: int = 3) -> list[Row]:
    """Squares of 4 km from (200000, 130000) on, eastwards."""
    west, south, side = 200_000, 130_000, 4000
    return [
        (str(n), shapely.box(west + n * side, south, west + (n + 1) * side, south + side).wkb, {"name": f"Town {n}"})
        for n in range(1, count + 1)
    ]


def loaded(database: TestDatabase, described: Layer = TOWNS, rows: list[Row] | None = None) -> None:
    describe(database.settings, described)
    types = {f.name: f.type for f in described.fields}
    load(database, described, towns() if rows is None else rows, srid=31370, types=types)


def move(database: TestDatabase, fid: int, x: float, y: float) -> None:
    """Put a name elsewhere, in EPSG:3857."""
    with psycopg.connect(database.owner_url) as connection:
        for name, _, _ in bands(database, "towns"):
            point = "ST_SetSRID(ST_MakePoint(%s, %s), 3857)"
            connection.execute(f'UPDATE {name} SET "Label" = {point} WHERE fid = %s', (x, y, fid))


async def written(
    client: httpx.AsyncClient, grid: Grid, level: int, box: tuple[float, float, float, float]
) -> tuple[Counter[int], Counter[int]]:
    """How often each surface, and each name, is in the tiles around a box."""
    limits = grid.limits(level, box)
    assert limits is not None
    shapes: Counter[int] = Counter()
    names: Counter[int] = Counter()
    for row in range(limits.top - 1, limits.bottom + 2):
        for column in range(limits.left - 1, limits.right + 2):
            answer = await client.get(ADDRESSES[grid].format(level=level, column=column, row=row))
            if answer.status_code == 200:
                found = decode(answer.content)
                shapes.update(found.get("towns", {}).keys())
                names.update(found.get("towns_label", {}).keys())
    return shapes, names


AROUND = (5.13, 50.45, 5.34, 50.54)
"""The three towns, in degrees."""


@pytest.mark.parametrize(("grid", "level"), [(WEB_MERCATOR_QUAD, 11), (WEB_MERCATOR_QUAD, 14), (LAMBERT_72_GRID, 8)])
async def test_a_surface_in_many_tiles_is_named_in_one(empty: TestDatabase, grid: Grid, level: int) -> None:
    loaded(empty)
    async with application(empty.settings) as client:
        shapes, names = await written(client, grid, level, AROUND)
    assert names == {1: 1, 2: 1, 3: 1}
    assert min(shapes.values()) >= 2


async def test_a_name_on_the_edge_of_tiles_is_in_one_of_them(empty: TestDatabase) -> None:
    side = WORLD / 2**14
    x, y, unit = 8427 * side - WORLD / 2, WORLD / 2 - 5526 * side, side / 4096
    aways = (-1.2, -0.6, -0.4, 0.0, 0.4, 0.6, 1.2)
    shape = shapely.box(x - 1000, y - 1000, x + 1000, y + 1000).wkb
    described = dataclasses.replace(TOWNS, crs=3857)
    describe(empty.settings, described)
    rows: list[Row] = [(f"{away:+}", shape, {"name": f"{away:+}"}) for away in aways]
    load(empty, described, rows, srid=3857, settings={"bake_tiles_max": 0})
    for fid, away in enumerate(aways, start=1):
        move(empty, fid, x + away * unit, y - away * unit)
    found: list[int] = []
    async with application(empty.settings) as client:
        for column in (8426, 8427):
            for row in (5525, 5526):
                tile = decode((await client.get(f"/tiles/towns/14/{column}/{row}.mvt")).content)
                assert set(tile["towns"]) == set(range(1, 8))
                found += tile.get("towns_label", {})
    assert sorted(found) == list(range(1, 8))


async def test_a_name_keeps_the_id_and_nothing_but_the_name(empty: TestDatabase) -> None:
    nameless = [
        (key, shape, {"people": 7, "name": None if key == "2" else values["name"]}) for key, shape, values in towns()
    ]
    loaded(empty, rows=nameless)
    async with application(empty.settings) as client:
        found = decode((await client.get("/tiles/towns/8/131/86.mvt")).content)
        told = (await client.get("/tiles/towns.json")).json()["vector_layers"]
        style = (await client.get("/styles/towns")).json()["layers"]
    assert {fid: feature["properties"] for fid, feature in found["towns_label"].items()} == {
        1: {"name": "Town 1"},
        3: {"name": "Town 3"},
    }
    assert set(found["towns"]) == {1, 2, 3}
    assert [(entry["id"], list(entry["fields"])) for entry in told] == [
        ("towns", ["name", "people"]),
        ("towns_label", ["name"]),
    ]
    assert {one["type"]: one["source-layer"] for one in style} == {
        "fill": "towns",
        "line": "towns",
        "symbol": "towns_label",
    }


async def test_a_publication_made_without_such_points_is_named_on_its_shapes(empty: TestDatabase) -> None:
    square = "MULTIPOLYGON(((184000 128000, 186000 128000, 186000 130000, 184000 130000, 184000 128000)))"
    publish(empty, TOWNS, [(1, square, {"name": "Namur"})])
    async with application(empty.settings) as client:
        assert set(decode((await client.get("/tiles/towns/8/131/86.mvt")).content)) == {"towns"}
        assert [e["id"] for e in (await client.get("/tiles/towns.json")).json()["vector_layers"]] == ["towns"]
        style = (await client.get("/styles/towns")).json()["layers"]
    assert {one["source-layer"] for one in style} == {"towns"}


async def test_the_name_is_kept_from_those_who_may_not_see_its_field(empty: TestDatabase) -> None:
    loaded(empty, dataclasses.replace(TOWNS, fields=(field("name", read=frozenset({"field"})), TOWNS.fields[1])))
    async with application(empty.settings) as client:
        found = decode((await client.get("/tiles/towns/8/131/86.mvt")).content)
    assert set(found) == {"towns"}
    assert all(feature["properties"] == {} for feature in found["towns"].values())


def test_a_class_that_many_surfaces_share_is_no_name() -> None:
    assert TOWNS.names_areas
    assert not dataclasses.replace(TOWNS, risk=Risk("flood", field="name")).names_areas
    assert not dataclasses.replace(TOWNS, geometry="MultiLineString").names_areas
    assert not dataclasses.replace(TOWNS, label=None).names_areas
