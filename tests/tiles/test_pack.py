"""Archives: the same tiles as the server's, whole or absent, read back by independent readers."""

import gzip
from pathlib import Path

import psycopg
from pmtiles.reader import MemorySource, Reader, all_tiles

from geoserver_app.core.layer import Layer, Zoom
from geoserver_app.core.publication import Published, publish as joined
from geoserver_app.store.tables import PUBLICATIONS, read_publication
from geoserver_app.tiles.archive import bake
from tests.conftest import TestDatabase, application
from tests.tiles.hand import Row, decode, field, layer, publish

SQUARE = "POLYGON((184000 128000, 186000 128000, 186000 130000, 184000 130000, 184000 128000))"
FAR = "POLYGON((240000 90000, 240300 90000, 240300 90300, 240000 90300, 240000 90000))"


def published(database: TestDatabase, described: Layer) -> Published:
    with psycopg.connect(database.owner_url, row_factory=psycopg.rows.dict_row) as connection:
        row = connection.execute(f"{PUBLICATIONS} WHERE r.layer_id = '{described.id}'").fetchone()
    return joined(described, read_publication(row))


async def test_an_archive_holds_every_tile_the_server_answers(empty: TestDatabase, tmp_path: Path) -> None:
    zones = layer("zones", field("kind"), field("secret", read=frozenset({"municipality"})), geometry="Polygon", zoom=Zoom(4, 14))
    rows: list[Row] = [(1, SQUARE, {"kind": "a", "secret": "x"}), (2, FAR, {"kind": "b", "minzoom": 9})]
    publish(empty, zones, rows)
    target = tmp_path / "zones.pmtiles"
    count = bake(published(empty, zones), empty.owner_url, target, empty.settings)
    reader = Reader(MemorySource(target.read_bytes()))
    assert reader.header()["max_zoom"] == 12
    found = {zxy: gzip.decompress(data) for zxy, data in all_tiles(MemorySource(target.read_bytes()))}
    assert len(found) == count
    print(count, reader.header(), reader.metadata())
    async with application(empty.settings) as client:
        for (z, x, y), data in found.items():
            answer = await client.get(f"/tiles/zones/{z}/{x}/{y}.mvt")
            assert decode(answer.content) == decode(data)
