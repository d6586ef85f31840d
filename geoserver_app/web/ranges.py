"""A file on disk as an answer: whole or one range of it, with validators (RFC 9110, 13 and 14)."""

import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from geoserver_app.web.respond import not_modified, unchanged

CHUNK = 256 * 1024
RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$", re.IGNORECASE)


class Unsatisfiable(ValueError):
    """The range begins behind the end of the file."""


@dataclass(frozen=True)
class Span:
    """Bytes ``start`` to ``end``, ``end`` not included."""

    start: int
    end: int


def read_range(header: str | None, size: int) -> Span | None:
    """The one range asked for, cut to the file; None where the whole file is the answer.

    Several ranges and units we do not know are ignored, as 14.2 allows. Raises Unsatisfiable.
    """
    found = RANGE.match(header.strip()) if header else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = int(found[2])
        if not length or not size:
            raise Unsatisfiable
        return Span(max(size - length, 0), size)
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, end)


def unchanged_since(header: str | None, tag: str, modified: int) -> bool:
    """Whether If-Range lets the range stand: the same strong validator, or exactly the same date (13.1.5)."""
    if header is None:
        return True
    if header.startswith(('"', "W/")):
        return header == tag and not header.startswith("W/")
    try:
        return int(parsedate_to_datetime(header).timestamp()) == modified
    except ValueError:
        return False


def answer_file(
    request: Request, path: Path, *, tag: str, modified: int, media_type: str, headers: Mapping[str, str]
) -> Response:
    """The file, a part of it (206), nothing new (304), or no such part (416). ``tag`` is strong."""
    told = {**headers, "ETag": tag, "Last-Modified": formatdate(modified, usegmt=True), "Accept-Ranges": "bytes"}
    if not_modified(request, tag) or _not_since(request, modified):
        return unchanged(tag, told)
    file = path.open("rb")
    size = os.fstat(file.fileno()).st_size
    span, status = Span(0, size), 200
    try:
        sent = request.headers.get("range")
        asked = read_range(sent, size) if unchanged_since(request.headers.get("if-range"), tag, modified) else None
    except Unsatisfiable:
        file.close()
        return Response(status_code=416, headers={**told, "Content-Range": f"bytes */{size}"})
    if asked is not None:
        span, status = asked, 206
        told["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    told["Content-Length"] = str(span.end - span.start)
    if request.scope.get("state", {}).get("head"):
        file.close()
        return Response(status_code=status, media_type=media_type, headers=told)
    return StreamingResponse(_pieces(file, span), status_code=status, media_type=media_type, headers=told)


def _not_since(request: Request, modified: int) -> bool:
    """If-Modified-Since, which counts only without If-None-Match (13.1.3).

    Exactly the same date: a rollback makes an older file current.
    """
    header = request.headers.get("if-modified-since")
    if header is None or "if-none-match" in request.headers:
        return False
    try:
        return modified == int(parsedate_to_datetime(header).timestamp())
    except ValueError:
        return False


async def _pieces(file: BinaryIO, span: Span) -> AsyncIterator[bytes]:
    try:
        place = span.start
        while place < span.end:
            piece = await to_thread.run_sync(os.pread, file.fileno(), min(CHUNK, span.end - place), place)
            if not piece:
                return
            place += len(piece)
            yield piece
    finally:
        file.close()
