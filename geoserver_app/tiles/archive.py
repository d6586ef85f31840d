"""Bakes the tiles of one publication into a PMTiles v3 archive, with the statement that serves them.

The archive is the warm cache, the offline pack and the open-data download at once. It holds what
everybody who sees the layer may see: fields for some callers only are not in it. Its last zoom holds
every row, so that the file is the layer and not a drawing of it.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from geoserver_app.core.publication import Published
from geoserver_app.features.grid import WEB_MERCATOR_QUAD, Tile
from geoserver_app.settings import Settings
from geoserver_app.store.direct import fetch_value
from geoserver_app.store.engine import Statement
from geoserver_app.store.loading import Connection, connect_owner
from geoserver_app.store.postgres import alive
from geoserver_app.tiles.coding import gzip_small
from geoserver_app.tiles.tilejson import attribution, tilejson, vector_layers
from geoserver_app.tiles.vector import (
    EVERY_ZOOM,
    described,
    parts_at,
    tile_arguments,
    tile_statement,
    touch_statement,
    whole_part,
)

CONNECTIONS = 2
BATCH = 64
"""Tiles made between two looks at the order they are written in; bounds the memory."""
SPOOLED_BYTES = 16_000_000
UNFINISHED = ".baking"
Progress = Callable[[int, int], None]
"""Called with tiles looked at and tiles known to be looked at in all so far."""


@dataclass(frozen=True)
class Made:
    """A tile as it goes into the archive, and whether the layer has anything in it."""

    data: bytes
    deeper: bool


@dataclass(frozen=True)
class Filled:
    """What an archive holds: tiles, and the zoom down to which they are those the server makes."""

    tiles: int
    served_to: int


def common(published: Published) -> Published:
    """The layer with the fields that everybody who sees it may see: what a pack carries."""
    fields = tuple(f for f in published.layer.fields if not f.read or "public" in f.read)
    return replace(published, layer=published.layer.with_fields(fields))


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
    def every(self) -> Statement:
        """The tile of a last zoom: every row, from the deepest band."""
        return tile_statement((whole_part(self.published),), WEB_MERCATOR_QUAD, self.settings, every=True)

    @cached_property
    def probe(self) -> Statement:
        """Whether the layer has anything in a tile that is empty itself."""
        return touch_statement((whole_part(self.published),))

    def make(self, tile: Tile, every: bool) -> Made:
        connection = self.free.get()
        try:
            if every:
                data = self._ask(connection, self.every, tile, EVERY_ZOOM) or b""
                return Made(gzip_small(data) if data else b"", False)
            data = self._ask(connection, self.statements[tile.level], tile) or b""
            if data:
                return Made(gzip_small(data), True)
            return Made(b"", bool(self._ask(connection, self.probe, tile, EVERY_ZOOM)))
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
    ``bake_tiles_max`` tiles; whichever is the last has every row. A layer without a single
    tile gives no file. The file appears whole or not at all, however the process ends; :func:`sweep`
    removes what a killed one left.
    """
    layer = published.layer
    deepest = max(layer.zoom.min, min(layer.zoom.max, settings.bake_zoom_max))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}{UNFINISHED}")
    try:
        with unfinished.open("wb") as file, ExitStack() as stack:
            # It may hold a layer that not everybody sees.
            os.fchmod(file.fileno(), 0o640)
            free: SimpleQueue[Connection] = SimpleQueue()
            for _ in range(CONNECTIONS):
                free.put(stack.enter_context(connect_owner(owner_url, autocommit=True)))
            writer = Writer(file)  # type: ignore[no-untyped-call]
            # Beside the target rather than in /tmp, which may be memory.
            writer.tile_f.close()
            writer.tile_f = stack.enter_context(tempfile.TemporaryFile(dir=target.parent))
            pool = stack.enter_context(ThreadPoolExecutor(CONNECTIONS))
            oven = Oven(common(published), settings, deepest, free)
            filled = _fill(writer, oven, pool, progress)
            if filled.tiles:
                header, metadata = _header(oven.published), _metadata(oven.published, settings, filled.served_to)
                writer.finalize(header, metadata)  # type: ignore[no-untyped-call]
                file.flush()
                os.fsync(file.fileno())
        if filled.tiles:
            unfinished.replace(target)
        return filled.tiles
    finally:
        unfinished.unlink(missing_ok=True)


def _fill(writer: Writer, oven: Oven, pool: ThreadPoolExecutor, progress: Progress | None) -> Filled:
    """Write every tile that holds something, zoom by zoom in the archive's order.

    A zoom is known to be the last when the next would be too many, after it was made; it is made again then.
    """
    layer, most = oven.published.layer, oven.settings.bake_tiles_max
    written = looked_at = 0
    wanted = _first(oven.published)
    while wanted and written + len(wanted) <= most:
        level = wanted[0].level
        # The layer's own last zoom has every row as it is.
        every = level == oven.deepest < layer.zoom.max
        with tempfile.SpooledTemporaryFile(SPOOLED_BYTES) as held:
            told = partial(_tell, progress, looked_at, looked_at + len(wanted))
            kept, deeper = _baked(wanted, oven, pool, held, told, every=every)
            looked_at += len(wanted)
            cut = level < oven.deepest and bool(deeper) and written + len(kept) + len(deeper) > most
            if cut:
                held.seek(0)
                held.truncate()
                kept, _ = _baked(wanted, oven, pool, held, lambda _done: None, every=True)
            held.seek(0)
            for tile, length in kept:
                writer.write_tile(_number(tile), held.read(length))  # type: ignore[no-untyped-call]
        written += len(kept)
        if every or cut or level == oven.deepest:
            return Filled(written, level - 1 if every or cut else level)
        wanted = sorted(deeper, key=_number)
    return Filled(written, layer.zoom.max)


def _tell(progress: Progress | None, before: int, total: int, done: int) -> None:
    if progress:
        progress(before + done, total)


def _baked(
    wanted: list[Tile],
    oven: Oven,
    pool: ThreadPoolExecutor,
    held: IO[bytes],
    told: Callable[[int], None],
    *,
    every: bool,
) -> tuple[list[tuple[Tile, int]], list[Tile]]:
    """Make the tiles of a zoom into a file; returns those with their lengths, and the tiles of the next zoom."""
    kept: list[tuple[Tile, int]] = []
    deeper: list[Tile] = []
    for number, batch in enumerate(_batches(wanted)):
        for tile, made in zip(batch, pool.map(partial(oven.make, every=every), batch), strict=True):
            if made.data:
                held.write(made.data)
                kept.append((tile, len(made.data)))
            if made.deeper and tile.level < oven.deepest:
                deeper.extend(_children(tile))
        told(number * BATCH + len(batch))
    return kept, deeper


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


def _metadata(published: Published, settings: Settings, served_to: int) -> dict[str, Any]:
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
            "features": published.publication.count,
            "served_to": served_to,
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
        if not alive(file.name.removesuffix(UNFINISHED).rpartition(".")[2]):
            file.unlink(missing_ok=True)
            removed += 1
    return removed
