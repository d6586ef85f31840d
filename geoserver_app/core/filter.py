"""The one filter tree. CQL2 and FES are read into it; `features/where.py` turns it into SQL.

Names are checked against the layer where the tree is compiled, never here. Every literal is a
plain Python value that ends up as a bound parameter.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Scalar = str | int | float | bool | date | datetime | None

CompareOp = Literal["=", "<>", "<", ">", "<=", ">="]
ArithmeticOp = Literal["+", "-", "*", "/", "%", "div", "^"]
SpatialOp = Literal["intersects", "equals", "disjoint", "touches", "within", "overlaps", "crosses", "contains"]
TemporalOp = Literal[
    "after", "before", "contains", "disjoint", "during", "equals", "finished_by", "finishes",
    "intersects", "meets", "met_by", "overlapped_by", "overlaps", "started_by", "starts",
]  # fmt: skip


@dataclass(frozen=True)
class Property:
    """A field of the layer by its public name (the geometry under ``geom`` or ``geometry``)."""

    name: str


@dataclass(frozen=True)
class Constant:
    value: Scalar


@dataclass(frozen=True)
class Interval:
    """A time span; an open end is None. Instants are timezone-aware (UTC where unsaid)."""

    start: "datetime | date | Property | None"
    end: "datetime | date | Property | None"


@dataclass(frozen=True)
class Geometry:
    """A geometry as WKB in the CRS ``srid``, east first. ``srid`` None: the filter's CRS."""

    wkb: bytes
    srid: int | None = None


@dataclass(frozen=True)
class Function:
    """A call of a whitelisted function: casei, accenti (others are refused when compiled)."""

    name: str
    args: "tuple[Expression, ...]"


@dataclass(frozen=True)
class Arithmetic:
    op: ArithmeticOp
    left: "Expression"
    right: "Expression"


Expression = Property | Constant | Interval | Geometry | Function | Arithmetic


@dataclass(frozen=True)
class Compare:
    op: CompareOp
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Like:
    """``pattern`` uses % for any text, _ for one character and \\ to escape (CQL2 clause 7.2)."""

    value: Expression
    pattern: Expression


@dataclass(frozen=True)
class Between:
    value: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True)
class In:
    value: Expression
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class IsNull:
    value: Expression


@dataclass(frozen=True)
class Spatial:
    op: SpatialOp
    left: Expression
    right: Expression


@dataclass(frozen=True)
class DWithin:
    """Within a distance in metres (FES DWithin; negated: Beyond)."""

    left: Expression
    right: Expression
    metres: float


@dataclass(frozen=True)
class Temporal:
    op: TemporalOp
    left: Expression
    right: Expression


@dataclass(frozen=True)
class And:
    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Or:
    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Not:
    part: "Node"


@dataclass(frozen=True)
class Truth:
    """A constant, or a boolean field standing alone as a predicate."""

    value: bool | Property


Node = Compare | Like | Between | In | IsNull | Spatial | DWithin | Temporal | And | Or | Not | Truth
