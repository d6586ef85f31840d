"""The shape of a layer file. What depends on several keys at once is in ``rules``."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from geoserver_app.core.layer import FieldType, GeometryType

Role = Literal["public", "citizen", "field", "municipality", "coordinator", "data_manager", "administrator"]
Severity = Literal["minor", "moderate", "severe", "extreme"]
"""CAP 1.2, element `severity`, without `Unknown`: a zone of risk always has one."""
ZoomLevel = Annotated[int, Field(ge=0, le=22)]
Srid = Annotated[int, Field(ge=1024, le=998_999, description="EPSG number")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=5_000, strip_whitespace=True)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]


def _http(text: str) -> str:
    if not text.startswith(("https://", "http://")) or any(c.isspace() for c in text) or len(text.split("/")[2]) == 0:
        raise ValueError(f"{text!r} is not an http or https address")
    return text


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


Url = Annotated[str, AfterValidator(_http)]


class Part(BaseModel):
    """A table of a layer file: known keys only, exact types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


class TextPart(Part):
    fr: Words
    en: Words


class CodePart(Part):
    """One value of a code list."""

    source: str
    """Exactly what the source writes."""
    value: str
    """What is stored; several sources may share a value."""
    title: TextPart


class FieldPart(Part):
    """An attribute."""

    name: str
    """Column and public name."""
    type: FieldType
    title: TextPart
    source: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Name in the source; without it, the same as `name`."""
    unit: Annotated[str, StringConstraints(min_length=1, max_length=20)] | None = None
    required: bool = False
    """A row without a value is rejected."""
    tiles: bool = True
    """Whether vector tiles carry it."""
    tiles_from_zoom: ZoomLevel = 0
    read: list[Role] = []
    """Roles that may see it; empty: whoever sees the layer."""
    nulls: list[str] = []
    """Source texts that mean "no value"; white space alone always does."""
    code: list[CodePart] = []


class SourcePart(Part):
    """Where the rows come from."""

    kind: Literal["arcgis", "wfs", "spw", "file"]
    url: str | None = None
    """Address; for the kind "file" a path is allowed too."""
    layer: str | None = None
    """Layer inside the source: a WFS type name, a layer of a file, a member of a zip."""
    key: Annotated[str, StringConstraints(min_length=1)] | None = None
    """Field of the source that identifies a row from load to load."""
    crs: Srid | None = None
    encoding: str | None = None
    where: str | None = None
    """A filter in the source's own words (ArcGIS SQL), or CQL2 for files."""
    confirmed: bool = True
    """False: address or fields were not found in public documents; `ingest --all` skips it."""
    note: str = ""


class LicencePart(Part):
    name: Words
    attribution: Words
    url: Url | None = None
    date: Annotated[str, BeforeValidator(_iso, json_schema_input_type=str)] | None = None
    """Date of the data as its owner states it."""
    republish: bool = True
    """False: the licence forbids handing the data to third parties; the layer is never public."""


class RiskPart(Part):
    """Makes a polygon layer a layer of zones of risk."""

    kind: Word
    field: str | None = None
    default: Severity = "moderate"
    severity: dict[str, Severity] = {}
    """Stored value of `field` to severity; other values have the default."""


class ZoomPart(Part):
    """Web Mercator zoom levels (512 px tiles) at which tiles exist."""

    min: ZoomLevel = 0
    max: ZoomLevel = 16


class FromZoomPart(Part):
    """A class of features that waits for a closer look."""

    field: str
    values: Annotated[list[str | int | float | bool], Field(min_length=1)]
    """Stored values, after code mapping."""
    zoom: ZoomLevel


class GeneralisePart(Part):
    """How geometry is simplified for small scales. Sizes are in pixels of a 512 px tile."""

    tolerance: Annotated[float, Field(gt=0, le=16)] = 0.5
    drop_below: Annotated[float, Field(ge=0, le=64)] = 1.0
    coverage: bool = False
    """Polygons share borders: simplify them together so that no sliver opens."""
    rank: str | None = None
    """Field by which features are kept when a tile is too full (highest first); default: size."""
    from_zoom: list[FromZoomPart] = []


class GatesPart(Part):
    """What a load must satisfy before it is published."""

    min_count: Annotated[int, Field(ge=0)] = 1
    max_count_change: Annotated[float, Field(ge=0)] | Literal["any"] = 0.5
    """Largest change of the number of rows against the current revision, as a share; or "any"."""
    extent: Annotated[list[float], Field(min_length=4, max_length=4)] | None = None
    """West, south, east, north: rows outside are rejected."""
    max_rejected: Annotated[float, Field(ge=0, le=1)] | None = None


class LayerFile(Part):
    """A layer of Maillage: how it is named, where it comes from, who may see it."""

    model_config = ConfigDict(title="Maillage layer")

    title: TextPart
    abstract: TextPart | None = None
    keywords: list[Words] = []
    group: str = "other"
    geometry: GeometryType
    crs: Srid
    """EPSG number of the stored geometry."""
    style: str = ""
    """Id of the style; without it, the layer's own id."""
    read: Annotated[list[Role], Field(min_length=1)] = ["public"]
    """Roles that may see it. Without it: everybody; all but public and citizen where `licence.republish` is false."""
    label: str | None = None
    """Field people know a feature by."""
    datetime: str | None = None
    """Field that `datetime=` filters."""
    visible: bool = True
    """Whether the viewer shows it at first."""
    exercise_only: bool = False
    source: SourcePart | None = None
    licence: LicencePart
    zoom: ZoomPart = ZoomPart()
    generalise: GeneralisePart = GeneralisePart()
    gates: GatesPart = GatesPart()
    risk: RiskPart | None = None
    field: list[FieldPart] = []
