"""Where tiles come from: memory, then the layer's pack, then the database; each computed once.

Every key holds the revisions and descriptions a tile is made from, so nothing kept here is ever
wrong; what an older revision left behind is only memory, and is dropped when the news arrives.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from geoserver_app.core.errors import Overloaded
from geoserver_app.core.publication import Published
from geoserver_app.features.cache import Cache, SingleFlight
from geoserver_app.features.grid import WEB_MERCATOR_QUAD, Grid, Tile
from geoserver_app.settings import Settings
from geoserver_app.store.engine import Database, Statement
from geoserver_app.tiles.coding import CODINGS, GZIP, IDENTITY, Body, Taken, decode, encode, gunzip
from geoserver_app.tiles.pack import Packs
from geoserver_app.tiles.vector import EXTENT, Part, described, parts_at, tile_arguments, tile_statement

Key = tuple[object, ...]
STATEMENT_BYTES = 4_000_000
SLACK_METRES = 10.0
"""A generalised shape may stand a little outside the box of the exact one."""


@dataclass(frozen=True)
class Ask:
    """One tile of some layers. The layers are as their caller may know them."""

    layers: tuple[Published, ...]
    grid: Grid
    tile: Tile


class TileSource:
    """Makes tiles, one computation for all who wait, never more at once than the pool carries."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.cache: Cache[Key, Body] = Cache(settings.tile_cache_mb * 2**20)
        self.packs = Packs(settings.home / "packs")
        self.queries = 0
        """Statements sent to the database, for the metrics."""
        self._flight: SingleFlight[Key, bytes] = SingleFlight()
        self._coded: SingleFlight[Key, Body] = SingleFlight()
        self._statements: Cache[Key, Statement] = Cache(STATEMENT_BYTES)
        self._described: WeakKeyDictionary[Published, str] = WeakKeyDictionary()
        # Two connections stay free for questions that are not tiles.
        self._turns = asyncio.Semaphore(max(1, settings.pool_size - 2))
        self._queued = 0

    def description(self, published: Published) -> str:
        """A token of what shapes the layer's tiles beside its rows; see `vector.described`."""
        found = self._described.get(published)
        if found is None:
            found = self._described[published] = described(published, self.settings)
        return found

    def key(self, ask: Ask) -> Key:
        made_of = (part for p in ask.layers for part in (p.id, p.revision, p.publication.id, self.description(p)))
        return (ask.grid.id, ask.tile.level, ask.tile.column, ask.tile.row, *made_of)

    def forget(self, layer_id: str) -> None:
        """Drop what was made from a layer whose publication changed."""
        self.cache.drop(layer_id)
        self._statements.drop(layer_id)

    def kept(self, key: Key, taken: Taken) -> Body | None:
        """The tile from memory."""
        found = self.cache.get((*key, taken.best))
        return self.cache.get((*key, GZIP)) if found is None and taken.gzip else found

    async def make(self, ask: Ask, key: Key, taken: Taken) -> Body:
        """The tile, computed unless somebody already does. Cancelled when all who wait have gone."""
        return await self._coded.run((*key, taken), lambda: self._encoded(ask, key, taken))

    async def _encoded(self, ask: Ask, key: Key, taken: Taken) -> Body:
        body = await self._body(ask, key, taken)
        tags = tuple({published.id for published in ask.layers})
        # A tile straight from an archive is kept as what it is: a client without gzip must not find it.
        name = GZIP if body.coding == GZIP else taken.best
        self.cache.put((*key, name), body, len(body.data), tags)
        return body

    async def _body(self, ask: Ask, key: Key, taken: Taken) -> Body:
        data = self._otherwise_coded(key, taken.best)
        if data is not None:
            return await encode(data, taken.best)
        parts = tuple(part for part in parts_at(ask.layers, ask.grid.zoom(ask.tile.level)) if self._touches(part, ask))
        packed = await self._packed(ask, parts)
        if packed is None:
            data = await self._flight.run(key, lambda: self._queried(ask, parts))
        elif taken.gzip and len(packed) == 1 and packed[0]:
            return Body(GZIP, packed[0])
        else:
            data = b"".join(gunzip(tile) for tile in packed if tile)
        return await encode(data, taken.best)

    async def _packed(self, ask: Ask, parts: tuple[Part, ...]) -> list[bytes] | None:
        """The parts' tiles from their archives, gzipped; None unless all have one that fits this caller."""
        if not ask.grid.web_mercator:
            return None if parts else []
        tiles = []
        for part in parts:
            pack = await self.packs.of(part.published)
            if pack is None or ask.tile.level > pack.served_to or pack.description != self.description(part.published):
                return None
            tiles.append(pack.tile(ask.tile))
        return tiles

    def _otherwise_coded(self, key: Key, coding: str) -> bytes | None:
        for other in (IDENTITY, *(c.name for c in CODINGS)):
            if other != coding and (found := self.cache.get((*key, other))) is not None:
                return decode(found)
        return None

    def _touches(self, part: Part, ask: Ask) -> bool:
        """Whether the layer's extent reaches into the tile and its buffer."""
        bounds = WEB_MERCATOR_QUAD.bounds(part.published.publication.bbox)
        if bounds is None:
            return False
        west, south, east, north = ask.grid.mercator_box(ask.tile, self.settings.tile_buffer / EXTENT)
        return (
            bounds[0] - SLACK_METRES <= east
            and bounds[2] + SLACK_METRES >= west
            and bounds[1] - SLACK_METRES <= north
            and bounds[3] + SLACK_METRES >= south
        )

    async def _queried(self, ask: Ask, parts: tuple[Part, ...]) -> bytes:
        statement = self._statement(parts, ask.grid)
        arguments = tile_arguments(statement, ask.grid, ask.tile, self.settings)
        async with self._turn(), self.database.read(self.settings.tile_timeout_ms) as reader:
            self.queries += 1
            found: bytes | None = await reader.value(statement, *arguments)
        return found or b""

    def _statement(self, parts: tuple[Part, ...], grid: Grid) -> Statement:
        key = (grid.id, parts)
        found = self._statements.get(key)
        if found is None:
            found = tile_statement(parts, grid, self.settings)
            self._statements.put(key, found, len(found.sql), {part.published.id for part in parts})
        return found

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for a turn at the database; Overloaded where too many wait already, or for too long."""
        if self._queued >= self.settings.tile_queue_max:
            raise Overloaded("too many tiles are waiting")
        self._queued += 1
        try:
            async with asyncio.timeout(self.settings.pool_wait_ms / 1000):
                await self._turns.acquire()
        except TimeoutError:
            raise Overloaded("the tile waited too long for its turn") from None
        finally:
            self._queued -= 1
        try:
            yield
        finally:
            self._turns.release()
