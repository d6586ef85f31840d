"""Arrow columns as PostgreSQL's binary COPY stream, whole columns at a time.

Each field becomes two Arrow columns, its length and its bytes; joining all of them row by row is one
Arrow kernel whose result buffer is the stream. Layout: PostgreSQL documentation, COPY, "Binary Format".
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Array = Any

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_BYTES = pa.large_binary()
_EPOCH_DAYS = 10_957
"""Days from 1970-01-01 to 2000-01-01, where PostgreSQL's dates begin."""
_EPOCH_MICROSECONDS = _EPOCH_DAYS * 86_400_000_000
_CHUNK = 1 << 20


def encode(columns: Sequence[Array]) -> Iterator[bytes]:
    """Chunks of one complete COPY stream holding these columns of equal length.

    Takes string, binary, int64, float32, float64, int16, bool, date32 and timestamp[us] columns.
    """
    parts: list[Array] = [pa.scalar(len(columns).to_bytes(2, "big"), _BYTES)]
    for column in columns:
        parts += _field(column)
    joined = pc.binary_join_element_wise(*parts, pa.scalar(b"", _BYTES))
    yield _HEADER
    if len(joined):
        _, offsets, data = joined.buffers()
        bounds = np.frombuffer(offsets, dtype=np.int64)
        view = memoryview(data)[int(bounds[joined.offset]) : int(bounds[joined.offset + len(joined)])]
        for start in range(0, len(view), _CHUNK):
            yield bytes(view[start : start + _CHUNK])
    yield _TRAILER


def _field(column: Array) -> list[Array]:
    """Length and bytes of one field; a null is the length -1 and no bytes."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = pc.cast(pc.cast(column, pa.large_string()), _BYTES)
    elif pa.types.is_binary(kind):
        column = pc.cast(column, _BYTES)
    if column.type == _BYTES:
        lengths = np.asarray(pc.fill_null(pc.binary_length(column), -1)).astype(">i4")
        return [_fixed(lengths), pc.fill_null(column, b"") if column.null_count else column]
    values = _big_endian(column)
    width = values.dtype.itemsize
    if not column.null_count:
        both = np.empty(len(values), dtype=[("length", ">i4"), ("value", values.dtype)])
        both["length"], both["value"] = width, values
        return [_fixed(both)]
    present = np.asarray(pc.is_valid(column))
    lengths = np.where(present, width, -1).astype(">i4")
    return [_fixed(lengths), _fixed(values[present], present)]


def _big_endian(column: Array) -> Any:
    kind = column.type
    if pa.types.is_boolean(kind):
        return np.asarray(pc.cast(pc.fill_null(column, False), pa.uint8()))
    if pa.types.is_date32(kind):
        return (np.asarray(pc.fill_null(pc.cast(column, pa.int32()), 0)) - _EPOCH_DAYS).astype(">i4")
    if pa.types.is_timestamp(kind):
        return (np.asarray(pc.fill_null(pc.cast(column, pa.int64()), 0)) - _EPOCH_MICROSECONDS).astype(">i8")
    filled = np.asarray(pc.fill_null(column, 0))
    return filled.astype(filled.dtype.newbyteorder(">"))


def _fixed(values: Any, present: Any = None) -> Array:
    """A binary column of fixed-width values; where ``present`` is False the row has no bytes."""
    width = values.dtype.itemsize
    if present is None:
        offsets = np.arange(len(values) + 1, dtype=np.int64) * width
    else:
        offsets = np.concatenate(([0], np.cumsum(present, dtype=np.int64))) * width
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(values).tobytes())]
    return pa.LargeBinaryArray.from_buffers(_BYTES, len(offsets) - 1, buffers)
