"""A filter applied to rows before they are loaded: the filter tree evaluated on an Arrow batch."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from geoserver_app.core.errors import BadFilter, UnknownField
from geoserver_app.core.filter import (
    And,
    Arithmetic,
    Between,
    Compare,
    Constant,
    Expression,
    Function,
    In,
    IsNull,
    Like,
    Node,
    Not,
    Or,
    Property,
    Truth,
)
from geoserver_app.filters.cql2 import Limits, parse_text
from geoserver_app.settings import Settings
from ingest.source import Batch

_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    ">": pc.greater,
    "<=": pc.less_equal,
    ">=": pc.greater_equal,
}


def read_where(text: str | None, settings: Settings) -> Node | None:
    """The filter a layer file states for a file's rows, in CQL2 text; BadFilter tells what is wrong in it."""
    if not text:
        return None
    try:
        return parse_text(text, Limits.of(settings))
    except BadFilter as error:
        raise BadFilter(f"--where (`where` in [source]): {error.detail}", locator="where") from None


def keep(node: Node, batch: Batch) -> Batch:
    """The rows of a batch for which the filter holds; unknown (null) is no, as in SQL.

    Raises BadFilter for spatial, temporal and arithmetic parts, which a source's rows do not offer,
    and UnknownField for a name the source lacks.
    """
    return batch.filter(pc.fill_null(_mask(node, batch), False))


def names(node: Node | Expression) -> Iterator[str]:
    """The fields a filter reads."""
    if isinstance(node, Property):
        yield node.name
    for value in vars(node).values():
        for part in value if isinstance(value, tuple) else (value,):
            if hasattr(part, "__dataclass_fields__"):
                yield from names(part)


def _mask(node: Node, batch: Batch) -> Any:
    if isinstance(node, Compare):
        return _compare(_SIGNS[node.op], _value(node.left, batch), _value(node.right, batch))
    if isinstance(node, And | Or):
        join = pc.and_kleene if isinstance(node, And) else pc.or_kleene
        return reduce(join, (_mask(part, batch) for part in node.parts))
    if isinstance(node, Not):
        return pc.invert(_mask(node.part, batch))
    if isinstance(node, IsNull):
        return _full(pc.is_null(_value(node.value, batch)), batch)
    if isinstance(node, Between):
        value = _value(node.value, batch)
        low = _compare(pc.greater_equal, value, _value(node.low, batch))
        return pc.and_kleene(low, _compare(pc.less_equal, value, _value(node.high, batch)))
    if isinstance(node, In):
        value = _value(node.value, batch)
        return reduce(pc.or_kleene, (_compare(pc.equal, value, _value(item, batch)) for item in node.items))
    if isinstance(node, Like):
        return _like(node, batch)
    if isinstance(node, Truth):
        found = pa.scalar(node.value) if isinstance(node.value, bool) else _value(node.value, batch)
        return _full(found, batch)
    raise BadFilter(f"{type(node).__name__} cannot be used in a source's where", locator="where")


def _full(found: Any, batch: Batch) -> Any:
    """A mask as long as the batch, also where only constants were compared."""
    if isinstance(found, pa.Scalar):
        return pa.array([found.as_py()] * batch.num_rows, type=pa.bool_())
    return found


def _value(node: Expression, batch: Batch) -> Any:
    if isinstance(node, Property):
        if node.name not in batch.schema.names:
            raise UnknownField(f"--where (`where` in [source]): the source has no field {node.name!r}", locator="where")
        return batch.column(node.name)
    if isinstance(node, Constant):
        return pa.scalar(node.value)
    if isinstance(node, Function) and node.name.lower() == "casei" and len(node.args) == 1:
        return pc.utf8_lower(_text(_value(node.args[0], batch)))
    if isinstance(node, Arithmetic | Function):
        raise BadFilter("a source's where compares fields with values, and knows casei only", locator="where")
    raise BadFilter(f"{type(node).__name__} cannot be used in a source's where", locator="where")


def _text(value: Any) -> Any:
    return value if pa.types.is_string(value.type) else pc.cast(value, pa.string())


def _compare(sign: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    left, right = _matched(left, right), _matched(right, left)
    try:
        return sign(left, right)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise BadFilter(f"{left.type} and {right.type} cannot be compared", locator="where") from None


def _matched(value: Any, other: Any) -> Any:
    """A constant written as text or date, brought to the type of the field it is compared with."""
    if not isinstance(value, pa.Scalar) or value.type == other.type or value.as_py() is None:
        return value
    raw = value.as_py()
    try:
        if pa.types.is_timestamp(other.type):
            return pa.scalar(_moment(raw), type=other.type)
        if pa.types.is_date(other.type):
            return pa.scalar(raw if isinstance(raw, date) else date.fromisoformat(str(raw)[:10]), type=other.type)
        if pa.types.is_string(other.type) and not isinstance(raw, str):
            return pa.scalar(str(raw))
        if pa.types.is_boolean(other.type) and raw in (0, 1):
            return pa.scalar(bool(raw))
    except ValueError:
        raise BadFilter(f"{raw!r} cannot be compared with a {other.type}", locator="where") from None
    return value


def _moment(raw: Any) -> datetime:
    if isinstance(raw, datetime):
        return raw
    if isinstance(raw, date):
        return datetime(raw.year, raw.month, raw.day)
    return datetime.fromisoformat(str(raw))


def _like(node: Like, batch: Batch) -> Any:
    value = _text(_value(node.value, batch))
    pattern = _value(node.pattern, batch)
    if not isinstance(pattern, pa.Scalar) or pattern.as_py() is None:
        raise BadFilter("LIKE needs a pattern in quotes", locator="where")
    return _full(pc.match_like(value, str(pattern.as_py())), batch)
