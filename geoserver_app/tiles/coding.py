"""Content codings of a tile: which one a client takes, and how it is made (RFC 9110, 8.4 and 12.5.3)."""

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import brotli
import zstandard
from isal import igzip, isal_zlib

IDENTITY = "identity"
GZIP = "gzip"
GZIP_WINDOW = 31
"""zlib's way to say: with a gzip frame."""
WORTH_BYTES = 150
"""Below this, headers and a compressor's frame outweigh what is saved."""
LOOP_BYTES = 48_000
"""Above this, compressing takes more than a millisecond or two and leaves the event loop."""
SLOW_BYTES = 200_000
"""Above this, brotli 5 takes twice the time of brotli 4 for a tenth less."""


@dataclass(frozen=True)
class Coding:
    name: str
    compress: Callable[[bytes], bytes]
    expand: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Body:
    """Bytes as they travel, and the coding they are in."""

    coding: str
    data: bytes


@dataclass(frozen=True)
class Taken:
    """What a client takes: the best coding, and whether gzip, as archives have it, is as welcome."""

    best: str
    gzip: bool


def _brotli(data: bytes) -> bytes:
    return bytes(brotli.compress(data, quality=5 if len(data) < SLOW_BYTES else 4))


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=6).compress(data)


def _unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)


def gzip(data: bytes) -> bytes:
    return bytes(igzip.compress(data, compresslevel=3, mtime=0))


def gzip_small(data: bytes) -> bytes:
    """As small as gzip gets at bearable cost, for what is compressed once and kept."""
    return zlib.compress(data, level=6, wbits=GZIP_WINDOW)


def gunzip(data: bytes) -> bytes:
    return isal_zlib.decompress(data, wbits=GZIP_WINDOW)


CODINGS: tuple[Coding, ...] = (
    Coding("br", _brotli, brotli.decompress),
    Coding("zstd", _zstd, _unzstd),
    Coding(GZIP, gzip, gunzip),
)
"""Best first: a tile is compressed once and sent often, so the smallest wins among equals."""
_BY_NAME = {coding.name: coding for coding in CODINGS}


def choose(header: str | None) -> Taken:
    """What a client takes: the highest q-value, then our order; identity where nothing fits."""
    if not header:
        return Taken(IDENTITY, gzip=False)
    weights = dict(_weighted(part) for part in header.lower().split(","))
    others = weights.get("*", 0.0)
    best, highest = IDENTITY, 0.0
    for coding in CODINGS:
        weight = weights.get(coding.name, others)
        if weight > highest:
            best, highest = coding.name, weight
    if weights.get(IDENTITY, 0.0) > highest:
        return Taken(IDENTITY, gzip=False)
    return Taken(best, gzip=0 < highest <= weights.get(GZIP, others))


def _weighted(part: str) -> tuple[str, float]:
    name, _, option = part.partition(";")
    key, _, value = option.partition("=")
    if key.strip() != "q":
        return name.strip(), 1.0
    try:
        return name.strip(), float(value)
    except ValueError:
        return name.strip(), 0.0


async def encode(data: bytes, coding: str) -> Body:
    """Compress a tile; one too small to gain from it stays as it is."""
    if coding == IDENTITY or len(data) < WORTH_BYTES:
        return Body(IDENTITY, data)
    compress = _BY_NAME[coding].compress
    return Body(coding, await asyncio.to_thread(compress, data) if len(data) > LOOP_BYTES else compress(data))


def decode(body: Body) -> bytes:
    return body.data if body.coding == IDENTITY else bytes(_BY_NAME[body.coding].expand(body.data))
