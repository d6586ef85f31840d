"""Where a page ended, as a token of an address."""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime

from geoserver_app.core.errors import BadParameter
from geoserver_app.core.layer import Layer, Value
from geoserver_app.core.query import Cursor, Order

CHECK = 6


@dataclass(frozen=True)
class Mark:
    """A cursor, and what the first page counted so that no later one counts again.

    ``matched`` holds for ``revision`` only; None: not counted, or too many.
    """

    cursor: Cursor
    revision: int
    matched: int | None = None


def write_mark(mark: Mark, layer: Layer, order: tuple[Order, ...], question: str) -> str:
    """A token that continues this question in this order, and no other."""
    values = [v.isoformat() if isinstance(v, date) else v for v in mark.cursor.values]
    body = json.dumps([mark.cursor.fid, mark.revision, mark.matched, *values], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_check(body, layer, order, question) + body).decode().rstrip("=")


def read_mark(token: str, layer: Layer, order: tuple[Order, ...], question: str) -> Mark:
    """Read a token; BadParameter for one that was not made here for the same question."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        check, body = raw[:CHECK], raw[CHECK:]
        if check != _check(body, layer, order, question):
            raise ValueError(token)
        fid, revision, matched, *values = json.loads(body)
        if len(values) != len(order):
            raise ValueError(token)
        read = tuple(_value(layer, by.field, value) for by, value in zip(order, values, strict=True))
        return Mark(Cursor(read, int(fid)), int(revision), matched)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise BadParameter(
            "the cursor does not belong to this address; start again without it", locator="cursor"
        ) from None


def _value(layer: Layer, name: str, value: object) -> Value:
    if value is None or name == "exercise":
        return bool(value) if value is not None else None
    kind = layer.field(name).type
    if kind == "date":
        return date.fromisoformat(str(value))
    if kind == "datetime":
        return datetime.fromisoformat(str(value))
    if kind == "number":
        return float(str(value))
    return layer.field(name).parse(value)


def _check(body: bytes, layer: Layer, order: tuple[Order, ...], question: str) -> bytes:
    told = "\x1f".join([layer.id, question, *(f"{by.field} {by.descending}" for by in order)])
    return hashlib.blake2b(body + told.encode(), digest_size=CHECK).digest()
