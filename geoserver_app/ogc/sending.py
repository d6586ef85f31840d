"""Answers as they travel: compressed with gzip where the client takes it, streams as they come.

Every validator here is weak, so one ETag serves all codings (RFC 9110, 8.8.3.3).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from isal import isal_zlib
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from geoserver_app.tiles.coding import GZIP, GZIP_WINDOW, LOOP_BYTES, choose

LEVEL = 2
WORTH_BYTES = 1_000


def _takes_gzip(request: Request) -> bool:
    taken = choose(request.headers.get("accept-encoding"))
    return taken.gzip or taken.best == GZIP


def _compressor() -> Any:
    return isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, GZIP_WINDOW)


async def whole(request: Request, body: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """An answer that is all there."""
    if len(body) < WORTH_BYTES or not _takes_gzip(request):
        return Response(body, media_type=media_type, headers=dict(headers))
    made = await asyncio.to_thread(_gzip, body) if len(body) > 10 * LOOP_BYTES else _gzip(body)
    return Response(made, media_type=media_type, headers={**headers, "Content-Encoding": GZIP})


def _gzip(body: bytes) -> bytes:
    compressor = _compressor()
    return bytes(compressor.compress(body)) + bytes(compressor.flush())


async def streamed(
    request: Request, pieces: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]
) -> Response:
    """An answer piece by piece. Its first piece is awaited here, so that what fails is still a report."""
    first = await anext(pieces)

    async def again() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    if not _takes_gzip(request):
        return StreamingResponse(again(), media_type=media_type, headers=dict(headers))
    return StreamingResponse(_packed(again()), media_type=media_type, headers={**headers, "Content-Encoding": GZIP})


async def _packed(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    compressor = _compressor()
    async for piece in pieces:
        if made := await asyncio.to_thread(compressor.compress, piece):
            yield bytes(made)
    # Only a whole stream gets its end: one that breaks off cannot be unpacked as if it were whole.
    yield bytes(compressor.flush())
