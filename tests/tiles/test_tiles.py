"""A tile's content, decoded and compared with rows worked out by hand."""

import dataclasses

import httpx

from geoserver_app.core.layer import Zoom
from tests.conftest import TestDatabase, application
from tests.tiles.hand import Row, decode, field, layer, publish

# (184781.2, 128873.1) in Lambert 72 is 4.858691 E, 50.469649 N; at zoom 16 that is column 33652.49770
# and row 22092.52681, so 2038.6 and 2157.8 in a tile of 4096 units.
CONTROL = "POINT(184781.2 128873.1)"
Z16 = "16/33652/22092"
SQUARE = "POLYGON((184000 128000, 186000 128000, 186000 130000, 184000 130000, 184000 128000))"


def signed_area(ring: list[list[float]]) -> float:
    """Surveyor's formula with y downwards, as MVT 2.1, 4.3.3.3 says it: positive for an exterior ring."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True)) / 2


async def get(client: httpx.AsyncClient, address: str) -> dict[str, dict[int, dict[str, object]]]:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    return decode(answer.content)


async def test_the_control_point_stands_within_one_tile_unit(empty: TestDatabase) -> None:
    publish(empty, layer("points"), [(7, CONTROL, {})])
    async with application(empty.settings) as client:
        feature = (await get(client, f"/tiles/points/{Z16}.mvt"))["points"][7]
    x, y = feature["geometry"]["coordinates"]  # type: ignore[index]
    assert abs(x - 2038.6) <= 1 and abs(y - 2157.8) <= 1


async def test_the_control_point_stands_within_one_tile_unit_of_the_lambert_grid(empty: TestDatabase) -> None:
    # Level 9 has tiles of 512 m from (36864, 262144): column 288.90, row 260.29 of the point.
    publish(empty, layer("points"), [(7, CONTROL, {})])
    async with application(empty.settings) as client:
        feature = (await get(client, "/ogc/collections/points/tiles/Lambert72/9/260/288"))["points"][7]
    x, y = feature["geometry"]["coordinates"]  # type: ignore[index]
    assert abs(x - (184781.2 - 36864 - 288 * 512) * 8) <= 2
    assert abs(y - (262144 - 128873.1 - 260 * 512) * 8) <= 2


async def test_attributes_keep_their_types_and_null_is_left_out(empty: TestDatabase) -> None:
    described = layer(
        "things",
        field("name"),
        field("lanes", "integer"),
        field("depth", "number"),
        field("open", "boolean"),
        field("day", "date"),
        field("seen", "datetime"),
        field("nothing"),
        field("inside", tiles=False),
        field("close_up", tiles_from_zoom=16),
    )
    values = {
        "name": "Huy – côté Meuse",
        "lanes": 2**40,
        "depth": 0.25,
        "open": False,
        "day": "2021-07-14",
        "seen": "2021-07-14T22:30:00+02:00",
        "inside": "not for tiles",
        "close_up": "detail",
    }
    publish(empty, described, [(1, CONTROL, values)])
    expected = {
        "name": "Huy – côté Meuse",
        "lanes": 2**40,
        "depth": 0.25,
        "open": False,
        "day": "2021-07-14",
        "seen": "2021-07-14T20:30:00Z",
    }
    async with application(empty.settings) as client:
        close = (await get(client, f"/tiles/things/{Z16}.mvt"))["things"][1]
        far = (await get(client, "/tiles/things/8/131/86.mvt"))["things"][1]
    assert close["properties"] == expected | {"close_up": "detail"}
    assert far["properties"] == expected


async def test_a_field_may_have_any_name_a_layer_file_allows(empty: TestDatabase) -> None:
    names = ("row", "feature", "kept", "tile", "box", "reach", "ground", "zoom", "select", "user", "order", "west")
    publish(empty, layer("points", *map(field, names)), [(1, CONTROL, {name: f"a {name}" for name in names})])
    async with application(empty.settings) as client:
        for address in (f"/tiles/points/{Z16}.mvt", "/ogc/collections/points/tiles/Lambert72/9/260/288"):
            found = (await get(client, address))["points"][1]
            assert found["properties"] == {name: f"a {name}" for name in names}


async def test_a_lambert_tile_holds_exactly_the_points_on_its_ground(empty: TestDatabase) -> None:
    # Tile 9/260/288 covers x 184320 to 184832, y 128512 to 129024; Lambert 72 is turned against EPSG:3857.
    west, south = 184320, 128512
    places = {100 * i + j: (west + 64 * i - 96, south + 64 * j - 96) for i in range(12) for j in range(12)}
    publish(empty, layer("points"), [(fid, f"POINT({x} {y})", {}) for fid, (x, y) in places.items()])
    async with application(empty.settings) as client:
        found = (await get(client, "/ogc/collections/points/tiles/Lambert72/9/260/288"))["points"]
    # The buffer is 8 m here; the nearest points outside stand 32 m off.
    assert set(found) == {fid for fid, (x, y) in places.items() if 0 <= x - west <= 512 and 0 <= y - south <= 512}
    assert len(found) == 64


async def test_a_feature_appears_from_its_zoom_on(empty: TestDatabase) -> None:
    publish(empty, layer("points"), [(1, CONTROL, {}), (2, CONTROL, {"minzoom": 10})])
    async with application(empty.settings) as client:
        assert set((await get(client, "/tiles/points/9/262/172.mvt"))["points"]) == {1}
        assert set((await get(client, "/tiles/points/10/525/345.mvt"))["points"]) == {1, 2}


async def test_a_crowded_tile_keeps_the_highest_ranks(empty: TestDatabase) -> None:
    rows: list[Row] = [(fid, CONTROL, {"rank": float(fid % 50)}) for fid in range(1, 101)]
    publish(empty, layer("crowd"), rows)
    settings = dataclasses.replace(empty.settings, tile_features_max=6)
    async with application(settings) as client:
        kept = set((await get(client, f"/tiles/crowd/{Z16}.mvt"))["crowd"])
    assert kept == {47, 48, 49, 97, 98, 99}


async def test_every_feature_has_its_own_id_at_the_largest_zoom(empty: TestDatabase) -> None:
    rows: list[Row] = [(10**12 + n, f"POINT({184781.2 + n} 128873.1)", {}) for n in range(40)]
    publish(empty, layer("points"), rows)
    async with application(empty.settings) as client:
        found = (await get(client, f"/tiles/points/{Z16}.mvt"))["points"]
    assert set(found) == {10**12 + n for n in range(40)}


async def test_a_zoom_beyond_the_layer_comes_from_the_deepest_band(empty: TestDatabase) -> None:
    publish(empty, layer("points", zoom=Zoom(0, 10)), [(7, CONTROL, {})])
    async with application(empty.settings) as client:
        feature = (await get(client, f"/tiles/points/{Z16}.mvt"))["points"][7]
        assert set((await get(client, "/tiles/points/22/2153759/1413921.mvt"))["points"]) == {7}
    assert abs(feature["geometry"]["coordinates"][0] - 2038.6) <= 1  # type: ignore[index]


async def test_several_layers_in_one_tile_are_the_layers_joined(empty: TestDatabase) -> None:
    publish(empty, layer("points", field("name")), [(1, CONTROL, {"name": "a"})])
    publish(empty, layer("zones", geometry="Polygon", zoom=Zoom(8, 16)), [(1, SQUARE, {}), (2, SQUARE, {})])
    async with application(empty.settings) as client:
        points = (await client.get(f"/tiles/points/{Z16}.mvt")).content
        zones = (await client.get(f"/tiles/zones/{Z16}.mvt")).content
        assert (await client.get(f"/tiles/points,zones/{Z16}.mvt")).content == points + zones
        assert (await client.get(f"/tiles/zones,points/{Z16}.mvt")).content == zones + points
        assert (await client.get(f"/tiles/zones,points,zones/{Z16}.mvt")).content == zones + points
        assert set(await get(client, "/tiles/points,zones/7/65/43.mvt")) == {"points"}


async def test_polygons_are_wound_and_cut_as_the_format_wants(empty: TestDatabase) -> None:
    ring = "(184000 128000, 186000 128000, 186000 130000, 184000 130000, 184000 128000)"
    hole = "(184700 128800, 184900 128800, 184900 128950, 184700 128950, 184700 128800)"
    rows: list[Row] = [(1, f"POLYGON({ring}, {hole})", {}), (2, "POLYGON((0 0, 1 0, 1 1, 0 0))", {})]
    publish(empty, layer("zones", geometry="Polygon"), rows)
    async with application(empty.settings) as client:
        found = (await get(client, f"/tiles/zones/{Z16}.mvt"))["zones"]
    assert set(found) == {1}
    geometry = found[1]["geometry"]
    outer, inner = geometry["coordinates"]  # type: ignore[index]
    assert signed_area(outer) > 0 > signed_area(inner)
    assert {value for point in outer for value in point} == {-64, 4096 + 64}


async def test_a_feature_beside_the_tile_is_there_within_the_buffer_only(empty: TestDatabase) -> None:
    side = 40075016.68557849 / 2**10
    west, north = -20037508.342789244 + 525 * side, 20037508.342789244 - 345 * side
    unit = side / 4096
    rows: list[Row] = [
        (1, f"POINT({west - 60 * unit} {north - side / 2})", {}),
        (2, f"POINT({west - 70 * unit} {north - side / 2})", {}),
        (3, f"POINT({west + side / 2} {north + 60 * unit})", {}),
    ]
    publish(empty, layer("points", crs=3857), rows)
    async with application(empty.settings) as client:
        assert set((await get(client, "/tiles/points/10/525/345.mvt"))["points"]) == {1, 3}
        assert set((await get(client, "/tiles/points/10/524/345.mvt"))["points"]) == {1, 2}


async def test_an_empty_tile_is_200_with_an_empty_body(empty: TestDatabase) -> None:
    publish(empty, layer("points", zoom=Zoom(6, 16)), [(7, CONTROL, {})])
    publish(empty, layer("nothing"), [])
    async with application(empty.settings) as client:
        for address in ("points/16/0/0", "points/5/16/10", "points/14/8413/5524", "nothing/0/0/0"):
            answer = await client.get(f"/tiles/{address}.mvt", headers={"Accept-Encoding": "gzip"})
            assert (answer.status_code, answer.content) == (200, b""), address
            assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
            assert "content-encoding" not in answer.headers
