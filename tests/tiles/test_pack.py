"""Archives: the same tiles as the server's, whole or absent, read back by independent readers."""

import dataclasses
import gzip
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pyogrio
import pytest
from pmtiles.reader import MemorySource, Reader, all_tiles
from pmtiles.tile import Compression, TileType, tileid_to_zxy, zxy_to_tileid
from pmtiles.writer import write

from geoserver_app.core.layer import Layer, Zoom
from geoserver_app.features.grid import Tile
from geoserver_app.tiles.archive import bake, sweep
from geoserver_app.tiles.pack import Pack, read_varints
from geoserver_app.tiles.source import TileSource
from tests.conftest import TestDatabase, application, environment
from tests.tiles.hand import Row, decode, describe, field, layer, publish, published

SQUARE = "POLYGON((184000 128000, 186000 128000, 186000 130000, 184000 130000, 184000 128000))"
FAR = "POLYGON((240000 90000, 240300 90000, 240300 90300, 240000 90300, 240000 90000))"
ZONES = layer(
    "zones",
    field("kind"),
    field("secret", read=frozenset({"municipality"})),
    geometry="Polygon",
    zoom=Zoom(4, 14),
)
ROWS: list[Row] = [(1, SQUARE, {"kind": "a", "secret": "x"}), (2, FAR, {"kind": "b", "minzoom": 9})]
Tiles = dict[tuple[int, int, int], bytes]


def baked(database: TestDatabase, described: Layer, **more: Any) -> Path:
    """Bake the current publication to where the server looks, and say so."""
    target = database.settings.home / "packs" / f"{described.id}_1.pmtiles"
    more = {"bake_zoom_max": 13} | more
    bake(published(database, described), database.owner_url, target, dataclasses.replace(database.settings, **more))
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("UPDATE system.publication SET pack = %s WHERE layer_id = %s", (target.name, described.id))
        connection.execute("UPDATE system.revision SET revision = revision + 1")
    return target


def read(path: Path) -> tuple[Any, Tiles]:
    """Header, metadata and tiles, by the format's own reader."""
    source = MemorySource(path.read_bytes())  # type: ignore[no-untyped-call]
    return Reader(source), {zxy: gzip.decompress(data) for zxy, data in all_tiles(source)}  # type: ignore[no-untyped-call]


async def test_an_archive_holds_every_tile_the_server_answers(empty: TestDatabase, tmp_path: Path) -> None:
    publish(empty, ZONES, ROWS)
    target = tmp_path / "zones.pmtiles"
    seen: list[tuple[int, int]] = []
    settings = dataclasses.replace(empty.settings, bake_zoom_max=13)
    count = bake(
        published(empty, ZONES), empty.owner_url, target, settings, lambda done, total: seen.append((done, total))
    )
    reader, tiles = read(target)
    assert len(tiles) == count
    assert seen[-1][0] == seen[-1][1] >= count
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".pmtiles"] == ["zones.pmtiles"]
    assert set(tiles) == {(z, x, y) for z in range(4, 14) for x, y in around(z)} & set(tiles)
    header = reader.header()
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (4, 13, True)
    async with application(empty.settings) as client:
        for zoom in range(4, 13):
            for x, y in around(zoom):
                answer = await client.get(f"/tiles/zones/{zoom}/{x}/{y}.mvt")
                assert decode(answer.content) == decode(tiles.get((zoom, x, y), b"")), (zoom, x, y)
    assert {f for z, x, y in tiles if z == 13 for f in decode(tiles[z, x, y])["zones"]} == {1, 2}
    assert all(set(f["properties"]) == {"kind"} for f in decode(tiles[4, 8, 5])["zones"].values())  # type: ignore[call-overload]


def around(zoom: int) -> list[tuple[int, int]]:
    """Tiles over the test's rows: 4.7 to 5.7 E, 50.0 to 50.6 N."""
    left, right = (int((lon + 180) / 360 * 2**zoom) for lon in (4.7, 5.7))
    top, bottom = int(0.3367 * 2**zoom), int(0.3400 * 2**zoom)
    return [(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]


async def test_the_archive_says_whose_data_it_holds(empty: TestDatabase) -> None:
    publish(empty, ZONES, ROWS)
    reader, _ = read(baked(empty, ZONES))
    metadata = reader.metadata()
    assert metadata["attribution"] == "© zones"
    lying = empty.settings.home / "packs"
    assert lying.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in lying.iterdir()} == {0o640}
    assert metadata["licence"]["name"] == "CC BY 4.0"
    assert [(e["id"], set(e["fields"])) for e in metadata["vector_layers"]] == [("zones", {"kind"})]


async def test_baking_stops_before_too_many_tiles(empty: TestDatabase) -> None:
    publish(empty, ZONES, ROWS)
    whole, all_of_them = read(baked(empty, ZONES))
    cut, some = read(baked(empty, ZONES, bake_tiles_max=12))
    assert len(some) <= 12 < len(all_of_them)
    assert 4 <= cut.header()["max_zoom"] < whole.header()["max_zoom"]
    deepest = cut.header()["max_zoom"]
    above = {zxy: data for zxy, data in some.items() if zxy[0] < deepest}
    assert above == {zxy: data for zxy, data in all_of_them.items() if zxy[0] < deepest}
    assert ids_at(some, deepest) == {1, 2}


def ids_at(tiles: Tiles, zoom: int) -> set[int]:
    return {f for (z, _, _), data in tiles.items() if z == zoom for f in decode(data).get("zones", {})}


@pytest.mark.parametrize("limit", [{"bake_zoom_max": 9}, {"bake_tiles_max": 9}])
async def test_the_last_zoom_of_an_archive_has_every_row_however_small(
    empty: TestDatabase, limit: dict[str, int]
) -> None:
    tiny = "POLYGON((185000 {n}, 185001 {n}, 185001 {m}, 185000 {m}, 185000 {n}))"
    small: list[Row] = [
        (10 + n, tiny.format(n=128000 + 40 * n, m=128001 + 40 * n), {"kind": "t", "minzoom": 14}) for n in range(30)
    ]
    publish(empty, ZONES, [ROWS[0], *small])
    reader, tiles = read(baked(empty, ZONES, **limit))
    last = reader.header()["max_zoom"]
    assert ids_at(tiles, last) == {1, *range(10, 40)}
    assert all(ids_at(tiles, zoom) == {1} for zoom in range(4, last))
    assert reader.metadata()["maillage"]["features"] == 31
    async with application(empty.settings) as client:
        for (z, x, y), data in tiles.items():
            answer = await client.get(f"/tiles/zones/{z}/{x}/{y}.mvt")
            assert set(decode(answer.content)["zones"]) == {1}, z
            assert z == last or decode(answer.content) == decode(data)
        source: TileSource = client.app.state.parts.extra[TileSource]  # type: ignore[attr-defined]
        assert source.queries == sum(z == last for z, _, _ in tiles)


def test_a_layer_without_rows_gives_no_archive(empty: TestDatabase, tmp_path: Path) -> None:
    nothing = layer("nothing")
    publish(empty, nothing, [])
    assert bake(published(empty, nothing), empty.owner_url, tmp_path / "n.pmtiles", empty.settings) == 0
    assert not list(tmp_path.glob("*.pmtiles"))


def test_our_reader_finds_what_the_formats_reader_finds(tmp_path: Path) -> None:
    # Enough tiles for leaf directories, with gaps, runs and repeated contents.
    target = tmp_path / "many.pmtiles"
    chance = random.Random(7)
    numbers = sorted(chance.sample(range(zxy_to_tileid(8, 0, 0), zxy_to_tileid(9, 0, 0)), 20_000))
    contents = [gzip.compress(bytes([n % 251]) * (1 + n % 40), mtime=0) for n in range(900)]
    with write(target) as writer:
        for number in numbers:
            writer.write_tile(number, contents[0] if number % 3 else chance.choice(contents))
        writer.finalize({"tile_type": TileType.MVT, "tile_compression": Compression.GZIP} | WORLD, {})
    pack, (_, tiles) = Pack(target), read(target)
    assert len(tiles) == 20_000
    for z, x, y in [tileid_to_zxy(zxy_to_tileid(8, 0, 0) + n) for n in range(0, 2**16, 7)]:
        found = pack.tile(Tile(z, x, y))
        assert (gzip.decompress(found) if found else None) == tiles.get((z, x, y))
    assert pack.tile(Tile(7, 0, 0)) == pack.tile(Tile(9, 511, 511)) == b""


WORLD = {
    "min_lon_e7": -1800000000,
    "min_lat_e7": -850000000,
    "max_lon_e7": 1800000000,
    "max_lat_e7": 850000000,
    "center_zoom": 0,
    "center_lon_e7": 0,
    "center_lat_e7": 0,
}


def test_numbers_of_every_length_are_read() -> None:
    numbers = [0, 1, 127, 128, 300, 2**14 - 1, 2**14, 2**31, 2**56 + 5, 2**63]
    data = bytearray()
    for number in numbers:
        rest = number
        while rest > 127:
            data.append(rest & 127 | 128)
            rest >>= 7
        data.append(rest)
    assert read_varints(bytes(data)).tolist() == numbers
    assert read_varints(bytes(data)).dtype == np.uint64


async def test_tiles_come_out_of_the_archive_without_a_query(empty: TestDatabase) -> None:
    publish(empty, ZONES, ROWS)
    publish(empty, layer("points"), [(7, "POINT(184781.2 128873.1)", {})])
    async with application(empty.settings) as client:
        plain = {a: (await client.get(f"/tiles/{a}.mvt")).content for a in ("zones/12/2103/1380", "zones/14/8413/5523")}
        both = (await client.get("/tiles/zones,points/12/2103/1380.mvt")).content
    baked(empty, ZONES)
    baked(empty, layer("points"))
    async with application(empty.settings) as client:
        for address, content in plain.items():
            assert decode((await client.get(f"/tiles/{address}.mvt")).content) == decode(content) != {}
        source: TileSource = client.app.state.parts.extra[TileSource]  # type: ignore[attr-defined]
        assert source.queries == 1  # zoom 14 lies beyond the archive
        assert (await client.get("/tiles/zones/12/2103/1381.mvt")).status_code == 200
        assert decode((await client.get("/tiles/zones,points/12/2103/1380.mvt")).content) == decode(both)
        for asked, codings in (
            ("gzip, br", {"gzip"}),  # as it lies in the archive
            ("br", {"br", None}),  # a small tile is sent plain
            ("identity", {None}),
            ("gzip;q=0.5, br", {"br", None}),
        ):
            answer = await client.get("/tiles/zones/11/1051/690.mvt", headers={"Accept-Encoding": asked})
            assert answer.headers.get("content-encoding") in codings, asked
            assert set(decode(answer.content)["zones"]) == {1}
        assert source.queries == 1


async def test_an_archive_of_another_description_is_not_read(empty: TestDatabase) -> None:
    publish(empty, ZONES, ROWS)
    baked(empty, ZONES, tile_buffer=8)
    async with application(empty.settings) as client:
        assert (await client.get("/tiles/zones/12/2103/1380.mvt")).status_code == 200
        source: TileSource = client.app.state.parts.extra[TileSource]  # type: ignore[attr-defined]
        assert source.queries == 1


async def test_a_damaged_or_missing_archive_leaves_the_tiles_to_the_database(empty: TestDatabase) -> None:
    publish(empty, ZONES, ROWS)
    target = baked(empty, ZONES)
    target.write_bytes(target.read_bytes()[:150])
    async with application(empty.settings) as client:
        assert set(decode((await client.get("/tiles/zones/12/2103/1380.mvt")).content)["zones"]) == {1}
    target.unlink()
    async with application(empty.settings) as client:
        assert set(decode((await client.get("/tiles/zones/12/2103/1380.mvt")).content)["zones"]) == {1}
        gone = await client.get("/packs/zones.pmtiles")
        assert gone.status_code == 404 and "no archive" in gone.json()["detail"]


async def test_the_archive_of_an_older_revision_is_not_read_after_a_load(empty: TestDatabase) -> None:
    publish(empty, ZONES, ROWS)
    baked(empty, ZONES)
    async with application(empty.settings) as client:
        assert set(decode((await client.get("/tiles/zones/12/2103/1380.mvt")).content)["zones"]) == {1}
        publish(empty, ZONES, [(5, SQUARE, {})])
        await client.app.state.parts.revisions.refresh()  # type: ignore[attr-defined]
        assert set(decode((await client.get("/tiles/zones/12/2103/1380.mvt")).content)["zones"]) == {5}


KILLED = """
import sys
from pathlib import Path
from geoserver_app.settings import read_settings
from geoserver_app.tiles.archive import bake
from tests.tiles.test_pack import ZONES, published
from tests.conftest import TestDatabase
settings = read_settings()
database = TestDatabase(settings.database_url, settings.app_database_url, settings)
def told(done, total):
    print(done, flush=True)
    import time; time.sleep(0.5)
bake(published(database, ZONES), settings.database_url, Path(sys.argv[1]), settings, told)
"""


def test_a_killed_baker_leaves_no_archive_and_its_rest_is_swept(empty: TestDatabase, tmp_path: Path) -> None:
    publish(empty, ZONES, ROWS)
    target = tmp_path / "packs" / "zones_1.pmtiles"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(target)], env=environment(empty.settings), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    left = [file.name for file in target.parent.iterdir()]
    assert len(left) == 1 and left[0].startswith(".") and not target.exists()
    (target.parent / "zones_0.pmtiles").write_bytes(b"")
    (target.parent / "kept_0.pmtiles").write_bytes(b"")
    assert sweep(target.parent, {"kept_0.pmtiles"}) == 2
    assert [file.name for file in target.parent.iterdir()] == ["kept_0.pmtiles"]


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        (None, 200, slice(None)),
        ("bytes=0-126", 206, slice(0, 127)),
        ("BYTES=0-9", 206, slice(0, 10)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-50", 206, slice(-50, None)),
        ("bytes=-9999999", 206, slice(None)),
        ("bytes=5-99999999", 206, slice(5, None)),
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=99999999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("bytes=7-3", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("lines=0-5", 200, slice(None)),
        ("bytes=a-b", 200, slice(None)),
    ],
)
async def test_a_range_of_an_archive_is_answered_as_http_wants(
    packed_client: httpx.AsyncClient, asked: str | None, status: int, part: slice | None
) -> None:
    whole = packed_client.whole  # type: ignore[attr-defined]
    answer = await packed_client.get("/packs/zones.pmtiles", headers={"Range": asked} if asked else {})
    assert answer.status_code == status
    assert answer.headers["accept-ranges"] == "bytes"
    if part is None:
        assert answer.headers["content-range"] == f"bytes */{len(whole)}"
        return
    assert answer.content == whole[part]
    assert int(answer.headers["content-length"]) == len(whole[part])
    if status == 206:
        start, end, _ = part.indices(len(whole))
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(whole)}"


async def test_an_archive_is_withheld_once_one_of_its_fields_is_restricted(empty: TestDatabase) -> None:
    publish(empty, ZONES, ROWS)
    baked(empty, ZONES)
    async with application(empty.settings) as client:
        before = await client.get("/packs/zones.pmtiles")
        assert before.status_code == 200
    closed = dataclasses.replace(
        ZONES, fields=tuple(dataclasses.replace(f, read=frozenset({"municipality"})) for f in ZONES.fields)
    )
    describe(empty.settings, closed)
    async with application(empty.settings) as client:
        for headers in ({}, {"If-None-Match": before.headers["etag"]}, {"Range": "bytes=0-9"}):
            answer = await client.get("/packs/zones.pmtiles", headers=headers)
            assert answer.status_code == 404, headers
            assert "described anew" in answer.json()["detail"]


async def test_an_archive_is_revalidated_by_its_publication(packed_client: httpx.AsyncClient) -> None:
    first = await packed_client.head("/packs/zones.pmtiles")
    whole = packed_client.whole  # type: ignore[attr-defined]
    assert (first.status_code, first.content, int(first.headers["content-length"])) == (200, b"", len(whole))
    tag, date = first.headers["etag"], first.headers["last-modified"]
    assert tag.startswith('"zones-1-') and first.headers["content-type"] == "application/vnd.pmtiles"
    for header, value, status in (
        ("If-None-Match", tag, 304),
        ("If-None-Match", '"other"', 200),
        ("If-Modified-Since", date, 304),
        ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT", 200),
        ("If-Modified-Since", "yesterday", 200),
    ):
        assert (await packed_client.get("/packs/zones.pmtiles", headers={header: value})).status_code == status, value
    for condition, status in ((tag, 206), (date, 206), ('"other"', 200), (f"W/{tag}", 200), ("yesterday", 200)):
        headers = {"Range": "bytes=0-9", "If-Range": condition}
        assert (await packed_client.get("/packs/zones.pmtiles", headers=headers)).status_code == status, condition


def test_gdal_reads_every_feature_of_the_archive(empty: TestDatabase) -> None:
    publish(empty, ZONES, ROWS)
    found = pyogrio.read_dataframe(baked(empty, ZONES), layer="zones")
    assert set(found["kind"]) == {"a", "b"}
    assert sorted(set(found["mvt_id"])) == [1, 2]
    area = found.dissolve("kind").to_crs(31370).area
    assert area["a"] == pytest.approx(2000 * 2000, rel=0.02)
    assert area["b"] == pytest.approx(300 * 300, rel=0.1)


async def test_gdal_reads_a_tile_where_it_lies(empty: TestDatabase, tmp_path: Path) -> None:
    publish(empty, layer("points", field("name")), [(7, "POINT(184781.2 128873.1)", {"name": "here"})])
    async with application(empty.settings) as client:
        content = (await client.get("/tiles/points/16/33652/22092.mvt")).content
    file = tmp_path / "22092.mvt"
    file.write_bytes(content)
    found = pyogrio.read_dataframe(file, layer="points", X="33652", Y="22092", Z="16").to_crs(4326)
    # A unit of the tile is 0.15 m in EPSG:3857: 1.3e-6 of a degree.
    assert found.geometry[0].x == pytest.approx(4.858691, abs=1.4e-6)
    assert found.geometry[0].y == pytest.approx(50.469649, abs=1.4e-6)
    assert found["name"][0] == "here"
