"""Columns as a source has them, brought to the six types the loader knows, and WKB to two dimensions."""

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from geoserver_app.core.layer import FieldType, GeometryType
from ingest.source import BadSource

Array = Any

ARROW_TYPES: dict[FieldType, Any] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}

_SINGLE: tuple[GeometryType, ...] = ("Point", "LineString", "Polygon")
_MULTI: tuple[GeometryType, ...] = ("MultiPoint", "MultiLineString", "MultiPolygon")
_EWKB_SRID = np.uint32(0x20000000)
_FIRST_CURVE = 8
"""WKB types from CircularString on, except GeometryCollection (7) and below, are curved (ISO 13249-3)."""


def field_type(kind: Any) -> FieldType | None:
    """The field type of an Arrow type; None for binary columns, which no protocol could show."""
    t = pa.types
    if t.is_dictionary(kind):
        return field_type(kind.value_type)
    tests: tuple[tuple[Any, FieldType | None], ...] = (
        (t.is_boolean, "boolean"),
        (t.is_integer, "integer"),
        (t.is_floating, "number"),
        (t.is_decimal, "number"),
        (t.is_date, "date"),
        (t.is_timestamp, "datetime"),
        (t.is_binary, None),
        (t.is_large_binary, None),
        (t.is_fixed_size_binary, None),
    )
    for test, name in tests:
        if test(kind):
            return name
    return "string"


def cast(column: Array, to: FieldType) -> Array:
    """The column as the Arrow type of ``to``; lists and structs become JSON text.

    What no database or JSON could hold is left out: NaN and infinities become null, NUL characters
    go. Raises BadSource for numbers beyond 64 bits.
    """
    target = ARROW_TYPES[to]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if to == "string" and pa.types.is_nested(column.type):
        texts = [None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in column.to_pylist()]
        column = pa.array(texts, type=target)
    # Decimals and nanoseconds lose digits nobody measures.
    exact = not (pa.types.is_decimal(column.type) or pa.types.is_temporal(column.type))
    if column.type != target:
        try:
            column = pc.cast(column, target, safe=exact)
        except pa.ArrowInvalid as error:
            raise BadSource(f"a column holds values that are no {to}: {error}") from None
    if to == "number" and not pc.all(pc.is_finite(column)).as_py():
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, target))
    if to == "string" and pc.any(pc.match_substring(column, "\x00")).as_py():
        column = pc.replace_substring(column, "\x00", "")
    return column


def as_text(column: Array) -> Array:
    """Key values as text: whole numbers without a fraction, whatever type carries them."""
    if pa.types.is_floating(column.type):
        whole = pc.equal(pc.floor(column), column)
        if pc.all(pc.fill_null(whole, True)).as_py():
            column = pc.cast(column, pa.int64(), safe=False)
    return cast(column, "string")


def wkb_types(column: Array) -> Any:
    """ISO WKB type numbers of a binary column as a numpy array; 0 for null and unreadable rows.

    EWKB's high bits are folded into ISO's thousands, so 1003, 2003 and 3003 are polygons with Z, M, ZM.
    """
    found = _type_words(column)
    thousands = ((found >> 31) & 1) * 1000 + ((found >> 30) & 1) * 2000
    return (found & 0x0FFFFFFF) + thousands.astype(np.uint32)


def _type_words(column: Array) -> Any:
    """The type word in the head of each WKB, as it is written; 0 for null and unreadable rows."""
    if pa.types.is_large_binary(column.type):
        column = pc.cast(column, pa.binary())
    count = len(column)
    words = np.zeros(count, dtype=np.uint32)
    _, offsets_buffer, data_buffer = column.buffers()
    if count == 0 or data_buffer is None:
        return words
    offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[column.offset : column.offset + count + 1]
    readable = np.diff(offsets) >= 5
    data = np.frombuffer(data_buffer, dtype=np.uint8)
    starts = offsets[:-1][readable]
    quads = np.stack([data[starts + i] for i in range(1, 5)], axis=1).astype(np.uint32)
    weights = np.array([1, 1 << 8, 1 << 16, 1 << 24], dtype=np.uint32)
    words[readable] = np.where(data[starts] == 1, quads @ weights, quads @ weights[::-1])
    if column.null_count:
        words[np.asarray(pc.is_null(column))] = 0
    return words


def curved(types: Any) -> Any:
    """Which of these WKB types are curves or may hold them; TIN and polyhedral surfaces count too."""
    plain = types % 1000
    return (plain >= _FIRST_CURVE) & (plain != 0)


def flat(column: Array) -> Array:
    """WKB in two dimensions and without an SRID; rows that cannot be parsed stay as they are."""
    solid = (wkb_types(column) >= 1000) | (_type_words(column) & _EWKB_SRID != 0)
    if column.type != pa.binary():
        column = pc.cast(column, pa.binary())
    if not solid.any():
        return column
    given = np.asarray(column.to_pylist(), dtype=object)
    parsed = shapely.from_wkb(given[solid], on_invalid="ignore")
    flattened = shapely.to_wkb(shapely.force_2d(parsed), include_srid=False)
    given[solid] = np.where(shapely.is_missing(parsed), given[solid], flattened)
    return pa.array(given, type=pa.binary(), from_pandas=True)


def common_geometry(types: Iterable[int]) -> GeometryType:
    """The most specific geometry type that fits all these WKB types (0, unknown, is ignored)."""
    plain = {int(t) % 1000 for t in types} - {0}
    for index, (single, multi) in enumerate(zip(_SINGLE, _MULTI, strict=True), start=1):
        if plain == {index}:
            return single
        if plain and plain <= {index, index + 3}:
            return multi
    return "Geometry"
