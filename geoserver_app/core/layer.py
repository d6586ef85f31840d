"""A layer: the one description every protocol, the loader and the styles speak from."""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from geoserver_app.core.crs import CRS84, SERVED, Crs, crs_of
from geoserver_app.core.errors import BadParameter, UnknownField

FieldType = Literal["string", "integer", "number", "boolean", "date", "datetime"]
GeometryType = Literal["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "Geometry"]
Value = str | int | float | bool | date | datetime | None
Box = tuple[float, float, float, float]
"""East first: (min x, min y, max x, max y), in the units of the CRS it is said in."""

LABEL_LAYER = "_label"
"""Ending of the name that a layer's label points have inside a tile."""
LAYER_ID = re.compile(rf"^[a-z][a-z0-9_]{{0,49}}$(?<!{LABEL_LAYER})")
FIELD_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,58}$")
RESERVED_FIELDS = frozenset({"fid", "geom", "source_key", "exercise", "rank", "minzoom", "id", "geometry", "geom_3857"})
"""Columns the store adds to every layer (and the words GeoJSON keeps for itself)."""


@dataclass(frozen=True)
class Text:
    """A text for people, French first."""

    fr: str
    en: str

    def to(self, language: str) -> str:
        return self.en if language == "en" else self.fr


@dataclass(frozen=True)
class Code:
    """One value of a code list: what the source writes, what we store, and how people read it."""

    source: str
    value: str
    title: Text


@dataclass(frozen=True)
class Field:
    """An attribute. ``name`` is the column and the public name; ``source`` its name in the source."""

    name: str
    type: FieldType
    title: Text
    source: str | None = None
    unit: str | None = None
    codes: tuple[Code, ...] = ()
    tiles: bool = True
    """Whether vector tiles carry it."""
    tiles_from_zoom: int = 0
    required: bool = False
    read: frozenset[str] = frozenset()
    """Roles that may see it; empty: whoever sees the layer."""
    nulls: tuple[str, ...] = ()
    """Source texts that mean "no value"; white space alone always does."""

    def parse(self, value: object) -> Value:
        """Bring a value a client sent to the field's Python type; BadParameter if it cannot be."""
        try:
            return _PARSERS[self.type](value)
        except (ValueError, TypeError, OverflowError):
            raise BadParameter(f"{value!r} is not a {self.type}, which {self.name!r} is", locator=self.name) from None


def _string(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    if "\x00" in text:
        raise ValueError(value)
    return text


def _integer(value: object) -> int:
    if isinstance(value, bool):
        raise ValueError(value)
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(value)
        number = int(value)
    else:
        number = int(str(value))
    if not -(2**63) <= number < 2**63:
        raise ValueError(value)
    return number


def _number(value: object) -> float:
    if isinstance(value, bool):
        raise ValueError(value)
    number = float(str(value))
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in {"true", "1"}:
        return True
    if str(value).lower() in {"false", "0"}:
        return False
    raise ValueError(value)


def _date(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])


def _datetime(value: object) -> datetime:
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_PARSERS: Mapping[str, Callable[[object], Value]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}


@dataclass(frozen=True)
class Source:
    """Where the rows come from. ``kind`` names a reader of the loader."""

    kind: Literal["arcgis", "wfs", "spw", "file"]
    url: str | None = None
    layer: str | None = None
    """Layer inside the source: a WFS type name, a layer of a file, a member of a zip."""
    key: str | None = None
    """Field of the source that identifies a row from load to load."""
    crs: int | None = None
    encoding: str | None = None
    where: str | None = None
    """A filter in the source's own words (ArcGIS SQL), or CQL2 for files."""
    confirmed: bool = True
    """False: address or fields were not found in public documents; `ingest --all` skips it."""
    note: str = ""


@dataclass(frozen=True)
class Licence:
    name: str
    attribution: str
    url: str | None = None
    date: str | None = None
    """Date of the data as its owner states it."""
    republish: bool = True
    """False: the licence forbids handing the data to third parties; the layer is never public."""


@dataclass(frozen=True)
class Risk:
    """Makes a polygon layer a layer of zones of risk.

    ``severity`` maps values of ``field`` to CAP severities; without a field ``default`` holds for all.
    """

    kind: str
    field: str | None = None
    severity: Mapping[str, str] = dataclasses.field(default_factory=dict)
    default: str = "moderate"


@dataclass(frozen=True)
class Zoom:
    """Web Mercator zoom levels (512 px tiles) at which tiles of the layer exist."""

    min: int = 0
    max: int = 16


@dataclass(frozen=True)
class FromZoom:
    """Features whose ``field`` has one of these stored values are in tiles from this zoom on only."""

    field: str
    values: tuple[Value, ...]
    zoom: int


@dataclass(frozen=True)
class Generalise:
    """How bands are made. Sizes are in pixels of a 512 px tile at the band's deepest zoom."""

    tolerance: float = 0.5
    drop_below: float = 1.0
    """Polygons smaller than this squared, and lines shorter, are left out of the band."""
    coverage: bool = False
    """Polygons share borders: simplify them together so that no sliver opens."""
    rank: str | None = None
    """Field by which features are kept when a tile is too full (highest first); default: size."""
    from_zoom: tuple[FromZoom, ...] = ()
    """Classes that wait for a closer look; where several name a feature, the deepest zoom holds."""


@dataclass(frozen=True)
class Gates:
    """What a load must satisfy before it is published."""

    min_count: int = 1
    max_count_change: float | None = 0.5
    """Largest change of the number of rows against the current revision, as a share; None: any."""
    extent: Box | None = None
    """Longitude/latitude box all rows must lie in (rows outside are rejected)."""
    max_rejected: float | None = None


@dataclass(frozen=True)
class Layer:
    """One published layer. Build it with :mod:`geoserver_app.catalogue.load`."""

    id: str
    title: Text
    geometry: GeometryType
    crs: int
    """srid of the stored geometry."""
    fields: tuple[Field, ...]
    licence: Licence
    source: Source | None = None
    abstract: Text = Text("", "")
    keywords: tuple[str, ...] = ()
    group: str = "other"
    style: str = ""
    """Id of the style; empty: the layer's own id."""
    read: frozenset[str] = frozenset({"public"})
    risk: Risk | None = None
    zoom: Zoom = Zoom()
    generalise: Generalise = Generalise()
    gates: Gates = Gates()
    label: str | None = None
    """Field people know a feature by (search, popups, titles)."""
    datetime_field: str | None = None
    """Field that `datetime=` filters."""
    exercise_only: bool = False
    visible: bool = True
    """Whether the viewer shows it at first."""

    @property
    def crs_list(self) -> tuple[Crs, ...]:
        """CRSs this layer is offered in: the served ones and its own (OGC API Features Part 2, 7.2)."""
        own = crs_of(self.crs)
        return SERVED if own in SERVED else (*SERVED, own)

    @property
    def storage_crs(self) -> Crs:
        return CRS84 if self.crs == 4326 else crs_of(self.crs)

    @property
    def style_id(self) -> str:
        return self.style or self.id

    @property
    def dimension(self) -> int | None:
        """0 for points, 1 for lines, 2 for areas, None for mixed geometry."""
        if self.geometry == "Geometry":
            return None
        return {"Point": 0, "LineString": 1, "Polygon": 2}[self.geometry.removeprefix("Multi")]

    @property
    def names_areas(self) -> bool:
        """Whether the label is a name that each surface has for itself, not a class that many share."""
        named = next((f for f in self.tile_fields if f.name == self.label), None)
        if self.dimension != 2 or named is None or named.codes:
            return False
        return self.risk is None or self.risk.field != self.label

    @property
    def label_layer(self) -> str:
        """Name of the layer of label points inside a tile."""
        return f"{self.id}{LABEL_LAYER}"

    def field(self, name: str) -> "Field":
        """The field of this name; UnknownField where the caller's layer has none."""
        for found in self.fields:
            if found.name == name:
                return found
        raise UnknownField(f"{self.id!r} has no field {name!r}", locator=name)

    def with_fields(self, fields: tuple["Field", ...]) -> "Layer":
        """The layer with these fields only: nothing of it names any other."""
        names = {found.name for found in fields}
        rules = self.generalise
        kept = dataclasses.replace(
            rules,
            rank=rules.rank if rules.rank in names else None,
            from_zoom=tuple(rule for rule in rules.from_zoom if rule.field in names),
        )
        return dataclasses.replace(
            self,
            fields=fields,
            label=self.label if self.label in names else None,
            datetime_field=self.datetime_field if self.datetime_field in names else None,
            risk=self.risk if self.risk is None or self.risk.field in {*names, None} else None,
            generalise=kept,
        )

    @property
    def tile_fields(self) -> tuple["Field", ...]:
        return tuple(f for f in self.fields if f.tiles)
