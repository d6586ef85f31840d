"""Reads tiles out of baked archives by offset, without a query.

Directories are decoded once, when an archive is first needed; a tile is then two look-ups in
memory and a slice of a mapped file. (PMTiles v3, sections 3 to 5.)
"""

import asyncio
import json
import logging
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pmtiles.tile import deserialize_header, zxy_to_tileid

from geoserver_app.core.publication import Published
from geoserver_app.features.grid import Tile
from geoserver_app.tiles.coding import gunzip

log = logging.getLogger("maillage.tiles")
HEADER_BYTES = 127
Numbers = NDArray[np.uint64]


@dataclass(frozen=True)
class Directory:
    """Runs of tiles: numbers, how many tiles each run has (0: a leaf directory), where the bytes are."""

    numbers: Numbers
    runs: Numbers
    offsets: Numbers
    lengths: Numbers


class Pack:
    """One archive, mapped into memory. Tiles come out gzipped, as they are stored."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = deserialize_header(self._bytes[:HEADER_BYTES])
        self.max_zoom = int(header["max_zoom"])
        self._start = int(header["tile_data_offset"])
        metadata = self._slice(header["metadata_offset"], header["metadata_length"])
        self.metadata: dict[str, Any] = json.loads(gunzip(metadata))
        root = read_directory(self._slice(header["root_offset"], header["root_length"]))
        self._directory = self._whole(root, int(header["leaf_directory_offset"]))

    @property
    def description(self) -> str:
        """What shaped the tiles when they were baked; see `vector.described`."""
        return str(self.metadata.get("maillage", {}).get("description", ""))

    @property
    def served_to(self) -> int:
        """The zoom down to which the tiles are those the server makes; a last zoom with every row lies below."""
        return int(self.metadata.get("maillage", {}).get("served_to", self.max_zoom))

    def tile(self, tile: Tile) -> bytes:
        """The gzipped tile; empty where the archive has none."""
        directory, number = self._directory, zxy_to_tileid(tile.level, tile.column, tile.row)
        index = int(np.searchsorted(directory.numbers, np.uint64(number), side="right")) - 1
        if index < 0 or number >= int(directory.numbers[index]) + int(directory.runs[index]):
            return b""
        return self._slice(self._start + int(directory.offsets[index]), int(directory.lengths[index]))

    def _slice(self, offset: int, length: int) -> bytes:
        return self._bytes[offset : offset + length]

    def _whole(self, root: Directory, leaves: int) -> Directory:
        """The root with its leaf directories in their places."""
        if root.runs.all():
            return root
        pieces = [
            read_directory(self._slice(leaves + int(offset), int(length)))
            for offset, length in zip(root.offsets, root.lengths, strict=True)
        ]
        return Directory(
            np.concatenate([piece.numbers for piece in pieces]),
            np.concatenate([piece.runs for piece in pieces]),
            np.concatenate([piece.offsets for piece in pieces]),
            np.concatenate([piece.lengths for piece in pieces]),
        )


def read_directory(packed: bytes) -> Directory:
    values = read_varints(gunzip(packed))
    count = int(values[0])
    steps, runs, lengths, told = values[1:].reshape(4, count)
    return Directory(np.cumsum(steps, dtype=np.uint64), runs, _offsets(told, lengths), lengths)


def _offsets(told: Numbers, lengths: Numbers) -> Numbers:
    """Offsets are written plus one; zero means right after the entry before."""
    offsets = np.empty_like(told)
    end = 0
    for index, (value, length) in enumerate(zip(told.tolist(), lengths.tolist(), strict=True)):
        start = end if value == 0 else value - 1
        offsets[index] = start
        end = start + length
    return offsets


def read_varints(data: bytes) -> Numbers:
    """All little-endian base-128 numbers of a buffer."""
    octets = np.frombuffer(data, dtype=np.uint8)
    last = np.flatnonzero(octets < 128)
    first = np.concatenate(([0], last[:-1] + 1))
    place = np.arange(len(octets)) - np.repeat(first, last - first + 1)
    parts = (octets & 127).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(parts, first).astype(np.uint64)


class Packs:
    """Archives of current publications, opened when first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Pack | None] = {}
        self._names: dict[str, str] = {}

    def path(self, published: Published) -> Path | None:
        """Where the archive of a publication lies, if one was baked and is on this machine."""
        name = published.publication.pack
        path = self.folder / name if name else None
        return path if path and path.is_file() else None

    async def of(self, published: Published) -> Pack | None:
        """The archive of a publication; None without one."""
        name = published.publication.pack
        if name is None:
            return None
        if name not in self._open:
            found = await asyncio.to_thread(self._opened, published)
            self._forget_others(published.id, name)
            self._open[name] = found
        return self._open[name]

    def _opened(self, published: Published) -> Pack | None:
        path = self.path(published)
        try:
            return Pack(path) if path else None
        except Exception:
            # A file that was cut short may fail in any reader; the tile is still to be had.
            log.exception("the archive %s cannot be read; its tiles come from the database", path)
            return None

    def _forget_others(self, layer_id: str, name: str) -> None:
        """Close the archive of the layer's earlier publication."""
        before = self._names.get(layer_id)
        if before is not None and before != name:
            self._open.pop(before, None)
        self._names[layer_id] = name
