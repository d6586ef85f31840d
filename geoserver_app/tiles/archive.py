"""Bakes the tiles of one publication into a PMTiles v3 archive, with the statement that serves them.

The archive is the warm cache, the offline pack and the open-data download at once. It holds what
everybody who sees the layer may see: fields for some callers only are not in it.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from geoserver_app.core.publication import Published
from geoserver_app.features.grid import WEB_MERCATOR_QUAD, Tile
from geoserver_app.settings import Settings
from geoserver_app.store.direct import fetch_value
from geoserver_app.store.engine import Statement
from geoserver_app.store.loading import Connection, connect_owner
from geoserver_app.tiles.coding import gzip_small
from geoserver_app.tiles.tilejson import attribution, tilejson, vector_layers
from geoserver_app.tiles.vector import described, parts_at, tile_arguments, tile_statement, touch_statement

CONNECTIONS = 2
BATCH = 64
"""Tiles made between two looks at the order they are written in; bounds the memory."""
UNFINISHED = ".baking"
Progress = Callable[[int, int], None]
"""Called with tiles looked at and tiles known to be looked at in all so far."""


@dataclass(frozen=True)
class Made:
    """A tile as it goes into the archive, and whether anything stands in it at a deeper zoom."""

    data: bytes
    deeper: bool


def common(published: Published) -> Published:
    """The layer with the fields that everybody who sees it may see: what a pack carries."""
    fields = tuple(f for f in published.layer.fields if not f.read or "public" in f.read)
    return replace(published, layer=replace(published.layer, fields=fields))


@dataclass(frozen=True)
class Oven:
    """Makes tiles of one publication on connections it is lent."""

    published: Published
    settings: Settings
    deepest: int
    free: SimpleQueue[Connection]

    @cached_property
    def statements(self) -> dict[int, Statement]:
        zooms = range(self.published.layer.zoom.min, self.deepest + 1)
        parts = {zoom: parts_at((self.published,), zoom) for zoom in zooms}
        return {zoom: tile_statement(found, WEB_MERCATOR_QUAD, self.settings) for zoom, found in parts.items() if found}

    @cached_property
    def probes(self) -> dict[int, Statement]:
        """For each zoom, whether a deeper band has anything in a tile that is empty itself."""
        probes: dict[int, Statement] = {}
        for zoom in self.statements:
            bands = {p.band.table: p for z in self.statements if z > zoom for p in parts_at((self.published,), z)}
            if bands:
                probes[zoom] = touch_statement(tuple(bands.values()))
        return probes

    def make(self, tile: Tile) -> Made:
        connection = self.free.get()
        try:
            data = self._ask(connection, self.statements[tile.level], tile) or b""
            if data:
                return Made(gzip_small(data), True)
            probe = self.probes.get(tile.level)
            return Made(b"", bool(probe and self._ask(connection, probe, tile, self.deepest)))
        finally:
            self.free.put(connection)

    def _ask(self, connection: Connection, statement: Statement, tile: Tile, zoom: int | None = None) -> Any:
        arguments = tile_arguments(statement, WEB_MERCATOR_QUAD, tile, self.settings, zoom)
        return fetch_value(connection, statement, arguments)


def bake(
    published: Published, owner_url: str, target: Path, settings: Settings, progress: Progress | None = None
) -> int:
    """Write the archive of a publication to ``target`` and return how many tiles it holds.

    Zooms go from the layer's first to its last, not beyond ``bake_zoom_max`` nor to more than
    ``bake_tiles_max`` tiles. A layer without a single tile gives no file. The file appears whole
    or not at all, however the process ends; :func:`sweep` removes what a killed one left.
    """
    layer = published.layer
    deepest = max(layer.zoom.min, min(layer.zoom.max, settings.bake_zoom_max))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}{UNFINISHED}")
    try:
        with unfinished.open("wb") as file, ExitStack() as stack:
            free: SimpleQueue[Connection] = SimpleQueue()
            for _ in range(CONNECTIONS):
                free.put(stack.enter_context(connect_owner(owner_url, autocommit=True)))
            writer = Writer(file)  # type: ignore[no-untyped-call]
            # Beside the target rather than in /tmp, which may be memory.
            writer.tile_f.close()
            writer.tile_f = stack.enter_context(tempfile.TemporaryFile(dir=target.parent))
            pool = stack.enter_context(ThreadPoolExecutor(CONNECTIONS))
            oven = Oven(common(published), settings, deepest, free)
            tiles = _fill(writer, oven, pool, progress)
            if tiles:
                header, metadata = _header(oven.published), _metadata(oven.published, settings)
                writer.finalize(header, metadata)  # type: ignore[no-untyped-call]
                file.flush()
                os.fsync(file.fileno())
        if tiles:
            unfinished.replace(target)
        return tiles
    finally:
        unfinished.unlink(missing_ok=True)


def _fill(writer: Writer, oven: Oven, pool: ThreadPoolExecutor, progress: Progress | None) -> int:
    """Write every tile that holds something, zoom by zoom in the archive's order; return their number."""
    written = looked_at = 0
    wanted = _first(oven.published)
    while wanted and written + len(wanted) <= oven.settings.bake_tiles_max:
        total = looked_at + len(wanted)
        deeper: list[Tile] = []
        for batch in _batches(wanted):
            for tile, made in zip(batch, pool.map(oven.make, batch), strict=True):
                if made.data:
                    writer.write_tile(_number(tile), made.data)  # type: ignore[no-untyped-call]
                    written += 1
                if made.deeper and tile.level < oven.deepest:
                    deeper.extend(_children(tile))
            looked_at += len(batch)
            if progress:
                progress(looked_at, total)
        wanted = sorted(deeper, key=_number)
    return written


def _first(published: Published) -> list[Tile]:
    """Tiles of the layer's first zoom around its extent; one more each way, for the buffer."""
    level = published.layer.zoom.min
    limits = WEB_MERCATOR_QUAD.limits(level, published.publication.bbox)
    if limits is None or published.publication.band(level) is None:
        return []
    columns, rows = range(limits.left - 1, limits.right + 2), range(limits.top - 1, limits.bottom + 2)
    around = (Tile(level, column, row) for column in columns for row in rows)
    return sorted((tile for tile in around if WEB_MERCATOR_QUAD.contains(tile)), key=_number)


def _children(tile: Tile) -> Iterator[Tile]:
    for row in (0, 1):
        for column in (0, 1):
            yield Tile(tile.level + 1, tile.column * 2 + column, tile.row * 2 + row)


def _number(tile: Tile) -> int:
    """Place of a tile in the archive (PMTiles v3, section 4.1: a Hilbert curve per zoom)."""
    return int(zxy_to_tileid(tile.level, tile.column, tile.row))


def _batches(tiles: list[Tile]) -> Iterator[list[Tile]]:
    for start in range(0, len(tiles), BATCH):
        yield tiles[start : start + BATCH]


def _header(published: Published) -> dict[str, Any]:
    box = published.publication.bbox
    assert box  # noqa: S101 - a layer without rows has no tile and no archive
    west, south, east, north = (round(edge * 1e7) for edge in box)
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": published.layer.zoom.min,
        "center_lon_e7": (west + east) // 2,
        "center_lat_e7": (south + north) // 2,
    }


def _metadata(published: Published, settings: Settings) -> dict[str, Any]:
    """The archive's JSON: TileJSON's words, the licence, and what the server checks before it reads from it."""
    layers = (published,)
    licence = published.licence
    said = tilejson(layers, "", "fr")
    return {
        "name": said["name"],
        "description": said["description"],
        "attribution": attribution(layers),
        "type": "overlay",
        "version": said["version"],
        "format": "pbf",
        "vector_layers": vector_layers(layers, "fr"),
        "licence": {
            "name": licence.name,
            "url": licence.url,
            "date": published.date,
        },
        "maillage": {
            "layer": published.id,
            "publication": published.publication.id,
            "description": described(published, settings),
        },
    }


def sweep(folder: Path, kept: set[str]) -> int:
    """Remove archives that no publication names, and what killed bakers left; return how many."""
    removed = 0
    for file in folder.glob("*.pmtiles"):
        if file.name not in kept:
            file.unlink(missing_ok=True)
            removed += 1
    for file in folder.glob(f".*{UNFINISHED}"):
        if not _alive(file.name.removesuffix(UNFINISHED).rpartition(".")[2]):
            file.unlink(missing_ok=True)
            removed += 1
    return removed


def _alive(process: str) -> bool:
    with suppress(ProcessLookupError, ValueError):
        try:
            os.kill(int(process), 0)
        except PermissionError:
            return True
        return True
    return False
