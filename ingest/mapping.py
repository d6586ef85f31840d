"""From the source's columns to the layer's fields: names, types, nulls and codes, a column at a time."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geoserver_app.core.layer import Code, Field, Layer
from ingest.columns import ARROW_TYPES, as_text
from ingest.source import BadSource, Batch, Description

Array = Any

_TRUE = ("true", "t", "yes", "oui", "vrai", "1", "y", "o")
_FALSE = ("false", "f", "no", "non", "faux", "0", "n")
_INTEGER = r"^[+-]?\d{1,18}(\.0*)?$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
_CODES_LISTED = 1_000
"""Distinct unknown codes remembered; a column that is no code list at all must not fill the memory."""


class Rejections:
    """Which rows of one batch cannot be kept, and why; the first reason stays."""

    def __init__(self, rows: int) -> None:
        self._sentences = [""]
        self._numbers = np.zeros(rows, dtype=np.int32)

    def add(self, bad: Any, reason: str) -> None:
        """Reject the rows of a numpy mask."""
        fresh = bad & (self._numbers == 0)
        if fresh.any():
            self._sentences.append(reason)
            self._numbers[fresh] = len(self._sentences) - 1

    def add_at(self, index: int, reason: str) -> None:
        if self._numbers[index] == 0:
            self._sentences.append(reason)
            self._numbers[index] = len(self._sentences) - 1

    def add_values(self, bad: Any, values: Array, sentence: str) -> None:
        """A sentence with the offending value for each bad row; Python per bad row only."""
        for index in np.flatnonzero(bad):
            self.add_at(int(index), sentence.format(repr(values[int(index)].as_py())[:80]))

    @property
    def kept(self) -> Any:
        """numpy mask of the rows without a reason."""
        return self._numbers == 0

    def reason(self, index: int) -> str:
        return str(self._sentences[self._numbers[index]])


@dataclass
class Mapper:
    """The columns of a layer from the batches of one source."""

    layer: Layer
    columns: Mapping[str, str]
    """Field name to the name of the source's column."""
    missing: tuple[str, ...] = ()
    """Fields the source does not have; they stay empty."""
    unknown: dict[str, Counter[str]] = field(default_factory=dict)
    """Per field the values met that its code list lacks."""

    @classmethod
    def of(cls, layer: Layer, description: Description) -> "Mapper":
        """Find each field's column, exactly or whatever its case.

        Raises BadSource where a required or coded field, or the key, is not in the source.
        """
        names = [f.name for f in description.fields]
        folded = {name.casefold(): name for name in reversed(names)}
        found: dict[str, str] = {}
        missing: list[Field] = []
        for item in layer.fields:
            wanted = item.source or item.name
            column = wanted if wanted in names else folded.get(wanted.casefold())
            if column is None:
                missing.append(item)
            else:
                found[item.name] = column
        needed = [f.source or f.name for f in missing if f.required or f.codes]
        if needed or (missing and not found):
            lacking = needed or [f.source or f.name for f in missing]
            raise BadSource(
                f"the source of {layer.id!r} has no field {', '.join(map(repr, lacking))}; "
                f"it has {', '.join(names) or 'none'}: correct `source` of the fields in {layer.id}.toml"
            )
        return cls(layer, found, tuple(f.name for f in missing))

    def map(self, batch: Batch, rejections: Rejections) -> list[Array]:
        """One column per field of the layer, in its order and types."""
        return [self._column(item, batch, rejections) for item in self.layer.fields]

    def _column(self, item: Field, batch: Batch, rejections: Rejections) -> Array:
        source = self.columns.get(item.name)
        if source is None:
            return pa.nulls(batch.num_rows, ARROW_TYPES[item.type])
        column = _emptied(batch.column(source), item.nulls, source)
        if item.codes:
            column = self._decoded(item, column)
        values, bad = convert(column, item)
        if bad is not None and bad.any():
            kind = {"integer": "an integer", "boolean": "true or false", "datetime": "a time"}.get(item.type)
            sentence = f"{source}: {{}} is not {kind or 'a ' + item.type}"
            rejections.add_values(bad, column, sentence)
        if item.required and values.null_count:
            rejections.add(np.asarray(pc.is_null(values)), f"{source} is required and empty")
        return values

    def _decoded(self, item: Field, column: Array) -> Array:
        texts = pc.utf8_trim_whitespace(as_text(column))
        places = pc.index_in(texts, pa.array([code.source for code in item.codes], pa.string()), skip_nulls=True)
        strange = pc.and_(pc.is_null(places), pc.is_valid(texts))
        if pc.any(strange).as_py():
            counts = self.unknown.setdefault(item.name, Counter())
            for pair in pc.value_counts(texts.filter(strange)).to_pylist():
                if pair["values"] in counts or len(counts) < _CODES_LISTED:
                    counts[pair["values"]] += pair["counts"]
        return _code_values(item.codes).take(places)


def _code_values(codes: tuple[Code, ...]) -> Array:
    return pa.array([code.value for code in codes], pa.string())


def _emptied(column: Array, nulls: tuple[str, ...], name: str) -> Array:
    """The column with blank texts and the source's own words for "nothing" as nulls, without NUL bytes."""
    kind = column.type
    if pa.types.is_string(kind):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            raise BadSource(f"the texts of {name!r} are not UTF-8; name the encoding of the source") from None
        if pc.any(pc.match_substring(column, "\x00")).as_py():
            column = pc.replace_substring(column, "\x00", "")
        trimmed = pc.utf8_trim_whitespace(column)
        empty = pc.equal(trimmed, "")
        if nulls:
            empty = pc.or_(empty, pc.is_in(trimmed, pa.array(nulls, pa.string())))
    elif pa.types.is_floating(kind):
        empty = pc.is_nan(column)
        if nulls:
            empty = pc.or_(empty, pc.is_in(as_text(column), pa.array(nulls, pa.string())))
    elif nulls:
        empty = pc.is_in(as_text(column), pa.array(nulls, pa.string()))
    else:
        return column
    empty = pc.fill_null(empty, False)
    return pc.if_else(empty, pa.scalar(None, kind), column) if pc.any(empty).as_py() else column


def convert(column: Array, item: Field) -> tuple[Array, Any]:
    """The column in the field's type, and which rows (a numpy mask, or None) could not be brought to it."""
    kind, target = column.type, ARROW_TYPES[item.type]
    if kind == target and item.type != "number":
        return column, None
    if item.type == "string":
        return _strings(column), None
    if pa.types.is_string(kind):
        return _FROM_TEXT[item.type](pc.utf8_trim_whitespace(column))
    if item.type == "number":
        values = pc.cast(column, target, safe=False) if kind != target else column
        return _only(values, pc.is_finite(values))
    if item.type == "integer" and pa.types.is_floating(kind):
        fits = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**63))
        return _only(pc.cast(pc.if_else(fits, column, None), target), fits, column)
    if item.type == "boolean" and (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        values = pc.cast(column, pa.float64())
        fits = pc.or_(pc.equal(values, 0), pc.equal(values, 1))
        return _only(pc.equal(values, 1), fits, column)
    if item.type == "date" and pa.types.is_integer(kind):
        return _dates(as_text(column))
    try:
        return pc.cast(column, target, safe=False), None
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(column), target), np.asarray(pc.is_valid(column))


def _only(values: Array, fits: Array, column: Array = None) -> tuple[Array, Any]:
    """Values where they fit, null elsewhere; bad are those that do not fit and were not null before."""
    fits = pc.fill_null(fits, False)
    bad = pc.and_(pc.invert(fits), pc.is_valid(values if column is None else column))
    return pc.if_else(fits, values, pa.scalar(None, values.type)), np.asarray(bad)


def _strings(column: Array) -> Array:
    kind = column.type
    if pa.types.is_floating(kind):
        whole = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 1e15))
        integers = pc.cast(pc.cast(pc.if_else(whole, column, None), pa.int64()), pa.string())
        return pc.coalesce(integers, pc.cast(column, pa.string()))
    if pa.types.is_timestamp(kind):
        return pc.strftime(column, "%Y-%m-%dT%H:%M:%SZ")
    return pc.cast(column, pa.string())


def _integers(texts: Array) -> tuple[Array, Any]:
    fits = pc.match_substring_regex(texts, _INTEGER)
    plain = pc.replace_substring_regex(pc.if_else(fits, texts, None), r"^\+|\.0*$", "")
    return _only(pc.cast(plain, pa.int64()), fits, texts)


def _numbers(texts: Array) -> tuple[Array, Any]:
    fits = pc.match_substring_regex(texts, _NUMBER)
    plain = pc.replace_substring_regex(pc.if_else(fits, texts, None), r"^\+", "")
    values = pc.cast(plain, pa.float64())
    return _only(values, pc.and_kleene(fits, pc.is_finite(values)), texts)


def _booleans(texts: Array) -> tuple[Array, Any]:
    lower = pc.utf8_lower(texts)
    true = pc.is_in(lower, pa.array(_TRUE))
    return _only(true, pc.or_(true, pc.is_in(lower, pa.array(_FALSE))), texts)


def _dates(texts: Array) -> tuple[Array, Any]:
    values, bad = _times(texts)
    return pc.cast(values, pa.date32(), safe=False), bad


def _times(texts: Array) -> tuple[Array, Any]:
    """ISO 8601; a time without a zone is UTC."""
    patterns = (r"^\d{4}-\d{2}-\d{2}", r"^\d{8}$", r"^\d{4}/\d{2}/\d{2}")
    iso = reduce(pc.or_, (pc.match_substring_regex(texts, pattern) for pattern in patterns))
    import pandas as pd  # slow to import, and few sources write times as text

    dashed = pc.replace_substring(pc.if_else(iso, texts, None), "/", "-")
    moments = pd.to_datetime(dashed.to_pandas(), errors="coerce", utc=True, format="ISO8601")
    values = pa.array(moments, type=pa.timestamp("us", tz="UTC"), from_pandas=True)
    return _only(values, pc.is_valid(values), texts)


_FROM_TEXT = {
    "integer": _integers,
    "number": _numbers,
    "boolean": _booleans,
    "date": _dates,
    "datetime": _times,
}
