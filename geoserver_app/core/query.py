"""One query. Every protocol reads its words into this value; one engine answers it."""

from dataclasses import dataclass, field
from datetime import datetime

from geoserver_app.core.crs import CRS84, Crs
from geoserver_app.core.filter import Node
from geoserver_app.core.layer import Box, Value
from geoserver_app.core.publication import Published


@dataclass(frozen=True)
class Window:
    """A box in a CRS, east first. ``west > east`` in a geographic CRS crosses the antimeridian."""

    box: Box
    crs: Crs = CRS84


@dataclass(frozen=True)
class Order:
    field: str
    descending: bool = False


@dataclass(frozen=True)
class Cursor:
    """Where the last page ended: the values of the order fields and the fid of its last row."""

    values: tuple[Value, ...]
    fid: int


@dataclass(frozen=True)
class Page:
    """``limit`` None means all rows. A cursor continues; an offset counts (WFS startIndex)."""

    limit: int | None = None
    after: Cursor | None = None
    offset: int = 0


@dataclass(frozen=True)
class Query:
    """What to read. ``crs`` is the CRS geometry leaves in; ``fields`` None means all."""

    target: Published
    crs: Crs = CRS84
    windows: tuple[Window, ...] = ()
    """Any of these boxes; empty means anywhere."""
    filter: Node | None = None
    filter_crs: Crs = CRS84
    fields: tuple[str, ...] | None = None
    geometry: bool = True
    """False leaves the geometry out (skipGeometry)."""
    ids: tuple[int, ...] | None = None
    order: tuple[Order, ...] = ()
    page: Page = field(default_factory=Page)
    time: tuple[datetime | None, datetime | None] | None = None
    """Interval the layer's datetime field must meet; None at an end is open."""
    as_of: datetime | None = None
    """The situation as it stood then (layers that keep versions only)."""
