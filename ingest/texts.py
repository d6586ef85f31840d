"""Types of columns that come as text: found by looking at every value, never at some."""

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from geoserver_app.core.layer import FieldType
from ingest import columns

_NUMBER = r"-?(?:(?:0|[1-9]\d{0,14})(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
PATTERNS: tuple[tuple[FieldType, str], ...] = (
    ("integer", r"^-?(?:0|[1-9]\d{0,17})$"),
    ("number", rf"^{_NUMBER}$"),
    ("boolean", r"^(?i:true|false)$"),
    ("date", r"^\d{4}-\d{2}-\d{2}$"),
    ("datetime", r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?$"),
)
"""What every value of a column must look like. Leading zeros and plus signs make it text: codes, telephones."""

_COMMA = r"^-?(?:0|[1-9]\d{0,14})(?:,\d+)?$"
ANY_NUMBER = r"^\s*[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?\s*$"


class Look:
    """What the values of one column have looked like so far; nulls say nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen = 0
        self.numbers = 0
        """Values that could be coordinates, among them such as are no clean numbers."""
        self.first = ""
        self._fits = PATTERNS
        self._comma_fits = True
        self._commas_seen = False

    def at(self, column: Any) -> None:
        values = pc.drop_null(column)
        if len(values) == 0:
            return
        self.first = self.first or str(values[0])
        self.seen += len(values)
        self._fits = tuple((kind, pattern) for kind, pattern in self._fits if _fits(values, kind, pattern))
        self._comma_fits = self._comma_fits and _all(values, _COMMA)
        self._commas_seen = self._commas_seen or bool(pc.any(pc.match_substring(values, ",")).as_py())
        self.numbers += int(pc.sum(pc.match_substring_regex(values, ANY_NUMBER)).as_py() or 0)

    @property
    def comma(self) -> bool:
        """Whether these are numbers with a decimal comma."""
        return not self._fits and self._comma_fits and self._commas_seen

    @property
    def type(self) -> FieldType:
        if self.comma:
            return "number"
        return self._fits[0][0] if self._fits and self.seen else "string"


def typed(column: Any, kind: FieldType, *, comma: bool = False) -> Any:
    """Text brought to the Arrow type of a field; a time without a zone is UTC. Raises ArrowInvalid."""
    if kind == "string":
        return column
    if kind == "datetime":
        column = _zoned(column)
    elif kind == "date":
        # XML Schema allows a zone after a date.
        column = pc.replace_substring_regex(column, r"(?:Z|[+-]\d{2}:\d{2})$", "")
    elif kind == "boolean":
        column = pc.utf8_lower(column)
    elif comma:
        column = pc.replace_substring(column, ",", ".")
    return pc.cast(column, columns.ARROW_TYPES[kind])


def _zoned(column: Any) -> Any:
    offset = pc.match_substring_regex(column, r"[T ].*(?:Z|[+-]\d{2}:?\d{2})$")
    return pc.if_else(offset, column, pc.binary_join_element_wise(column, "Z", ""))


def plain(name: str) -> str:
    """A column's name without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _all(values: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _fits(values: Any, kind: FieldType, pattern: str) -> bool:
    if not _all(values, pattern):
        return False
    try:
        typed(values, kind)
    except pa.ArrowInvalid:
        return False
    return True
