"""The statement that makes a vector tile, however many layers it holds.

It reads bands only: geometry that is already simplified and in EPSG:3857. The text depends on the
layers, their bands and the zoom; the tile's address is bound, so PostgreSQL plans it once.
Mapbox Vector Tile 2.1: extent 4096, layers concatenate by joining the bytes (clause 4.1).
"""

from dataclasses import dataclass
from functools import reduce
from hashlib import blake2b
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Double,
    Integer,
    LargeBinary,
    ScalarSelect,
    Subquery,
    Table,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.types import NullType

from geoserver_app.core.layer import Field
from geoserver_app.core.publication import LABEL_POINT, Band, Published
from geoserver_app.features.grid import Grid, Tile
from geoserver_app.settings import Settings
from geoserver_app.store.engine import Statement, compile_statement
from geoserver_app.store.tables import band_table

EXTENT = 4096
MERCATOR = 3857
FORM = 1
"""Raise when the same rows would give another tile: addresses with a revision are kept by clients for a year."""
ROW = "Row"
"""Name of a whole row. PostgreSQL would read a column of that name instead; no field has a capital letter."""
EDGES = ("west", "south", "east", "north")
EVERY_ZOOM = 99
"""Beyond every zoom a layer can have."""


@dataclass(frozen=True)
class Part:
    """One layer of a tile at one zoom: the band it is read from and the attributes it carries."""

    published: Published
    band: Band
    fields: tuple[str, ...]

    @property
    def label(self) -> str | None:
        """The field that a second layer of points carries, for names: each once, not once a tile."""
        return self.published.label if self.published.label in self.fields else None


def tile_fields(published: Published, zoom: int) -> tuple[Field, ...]:
    """Attributes of the layer that its tiles carry at a zoom."""
    names = set(published.tile_fields)
    return tuple(f for f in published.layer.fields if f.name in names and f.tiles_from_zoom <= zoom)


def parts_at(layers: tuple[Published, ...], zoom: int) -> tuple[Part, ...]:
    """What a tile at this zoom is made from; layers that begin deeper are left out."""
    found = []
    for published in layers:
        band = published.publication.band(zoom)
        if band is not None and zoom >= published.layer.zoom.min:
            names = tuple(f.name for f in tile_fields(published, zoom))
            found.append(Part(published, band, names))
    return tuple(found)


def whole_part(published: Published) -> Part:
    """The layer with every row and attribute it has: for :func:`tile_statement` with ``every``."""
    names = tuple(f.name for f in tile_fields(published, EVERY_ZOOM))
    return Part(published, published.publication.bands[-1], names)


def described(published: Published, settings: Settings) -> str:
    """A short token of all that shapes this layer's tiles beside its rows.

    It changes with the layer file (a field more or less), the caller's fields and the server's
    settings, which the revision does not tell.
    """
    layer = published.layer
    fields = ",".join(f"{f.name}:{f.type}:{f.tiles_from_zoom}" for f in tile_fields(published, EVERY_ZOOM))
    labels = f"|{published.label}" if published.label else ""
    text = f"{FORM}|{layer.zoom.min}|{fields}|{settings.tile_buffer}|{settings.tile_features_max}{labels}"
    return blake2b(text.encode(), digest_size=5).hexdigest()


def tile_statement(parts: tuple[Part, ...], grid: Grid, settings: Settings, *, every: bool = False) -> Statement:
    """One statement whose only values are the tile's. Bind them with :func:`tile_arguments`.

    With ``every`` a shape too slight for the tile's grid is drawn as the least the grid can hold.
    The rows are chosen by rank before any geometry is cut, so a crowded tile costs what
    ``tile_features_max`` rows cost.
    """
    ground = (
        select(func.Box2D(_envelope("tile", grid.crs.srid)).label("box"), _envelope("reach", MERCATOR).label("reach"))
        .cte("ground")
        .prefix_with("MATERIALIZED")
    )
    box, reach = select(ground.c.box).scalar_subquery(), select(ground.c.reach).scalar_subquery()
    layers = [_layer(part, box, reach, grid, settings, every) for part in parts]
    layers += [_names(part, part.label, box, reach, grid, settings) for part in parts if part.label]
    return compile_statement(select(reduce(_join, layers).label("tile")))


def touch_statement(parts: tuple[Part, ...]) -> Statement:
    """Whether any of these bands has a shape in a tile and its buffer. Bind it as a tile statement."""
    reach = _envelope("reach", MERCATOR)
    found = [_touching(band_table(part.published, part.band), reach) for part in parts]
    return compile_statement(select(or_(*found).label("touched")))


def tile_arguments(
    statement: Statement, grid: Grid, tile: Tile, settings: Settings, zoom: int | None = None
) -> tuple[object, ...]:
    """The tile as the statement's arguments: its box, and the box its rows are looked up by.

    ``zoom`` says from which zoom on rows count, by their ``minzoom``; without it the tile's own.
    """
    share = settings.tile_buffer / EXTENT
    values: dict[str, object] = {"zoom": grid.zoom(tile.level) if zoom is None else zoom}
    values |= {f"tile_{edge}": value for edge, value in zip(EDGES, grid.box(tile), strict=True)}
    values |= {f"reach_{edge}": value for edge, value in zip(EDGES, grid.mercator_box(tile, share), strict=True)}
    return statement.args(**values)


def _touching(table: Table, reach: ColumnElement[Any]) -> ColumnElement[bool]:
    seen = table.c.minzoom <= bindparam("zoom", None, type_=Integer())
    return exists().where(table.c.geom.op("&&")(reach), seen, func.ST_Intersects(table.c.geom, reach, type_=Boolean()))


def _fixed(value: Any) -> ColumnElement[Any]:
    """A constant of ours, written into the text so that the planner sees it."""
    return literal(value, literal_execute=True)


def _envelope(name: str, srid: int) -> ColumnElement[Any]:
    edges: list[BindParameter[float]] = [bindparam(f"{name}_{edge}", None, type_=Double()) for edge in EDGES]
    return func.ST_MakeEnvelope(*edges, _fixed(srid), type_=Geometry(srid=srid))


def _join(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
    return left.op("||")(right)


def _layer(
    part: Part, box: ScalarSelect[Any], reach: ScalarSelect[Any], grid: Grid, settings: Settings, every: bool
) -> ColumnElement[Any]:
    """One layer of the tile, as a scalar sub-select."""
    table = band_table(part.published, part.band)
    kept = _kept(table, ("fid", "geom", *part.fields), reach, settings)
    shape = _shape(kept.c.geom, box, grid, settings)
    if every and part.published.layer.dimension != 0:
        least = _shape(_least(kept.c.geom, box), box, grid, settings)
        shape = func.coalesce(shape, least, type_=NullType())
    values = (_value(kept.c[name], part.published.layer.field(name)).label(name) for name in part.fields)
    rows = select(shape.label("geom"), kept.c.fid, *values).subquery(ROW)
    return _encoded(rows, part.published.id)


def _names(
    part: Part, field: str, box: ScalarSelect[Any], reach: ScalarSelect[Any], grid: Grid, settings: Settings
) -> ColumnElement[Any]:
    """The layer of label points. A point is in the one tile on whose grid it falls, never in a buffer."""
    table = band_table(part.published, part.band)
    named = (table.c[LABEL_POINT].op("&&")(reach), table.c[field].is_not(None))
    kept = _kept(table, ("fid", LABEL_POINT, field), reach, settings, *named)
    place = _shape(kept.c[LABEL_POINT], box, grid, settings).label("geom")
    value = _value(kept.c[field], part.published.layer.field(field)).label(field)
    placed = select(place, kept.c.fid, value).subquery("placed")
    inside = (at(placed.c.geom, type_=Double()).between(_fixed(0), _fixed(EXTENT - 1)) for at in (func.ST_X, func.ST_Y))
    return _encoded(select(placed).where(*inside).subquery("feature"), part.published.layer.label_layer)


def _shape(column: ColumnElement[Any], box: ScalarSelect[Any], grid: Grid, settings: Settings) -> ColumnElement[Any]:
    """A geometry of a band on the tile's grid of whole numbers, cut at the buffer."""
    geometry = column if grid.web_mercator else func.ST_Transform(column, _fixed(grid.crs.srid))
    return func.ST_AsMVTGeom(
        geometry, box, _fixed(EXTENT), _fixed(settings.tile_buffer), _fixed(True), type_=NullType()
    )


def _least(geom: ColumnElement[Any], box: ScalarSelect[Any]) -> ColumnElement[Any]:
    """A square, or a piece of line, two units of the tile wide where the feature is."""
    unit = (func.ST_XMax(box, type_=Double()) - func.ST_XMin(box, type_=Double())) / _fixed(float(EXTENT))
    place = func.ST_PointOnSurface(geom)
    line = func.ST_MakeLine(place, func.ST_Translate(place, 2 * unit, _fixed(0)))
    kind = func.ST_Dimension(geom, type_=Integer())
    return case((kind == _fixed(2), func.ST_Expand(place, unit)), (kind == _fixed(1), line), else_=geom)


def _encoded(rows: Subquery, name: str) -> ColumnElement[Any]:
    words = (_fixed(name), _fixed(EXTENT), _fixed("geom"), _fixed("fid"))
    return select(func.ST_AsMVT(rows.table_valued(), *words, type_=LargeBinary())).scalar_subquery()


def _kept(
    table: Table, names: tuple[str, ...], reach: ScalarSelect[Any], settings: Settings, *more: ColumnElement[bool]
) -> Subquery:
    """Rows of a band that the tile touches, the highest ranks first."""
    return (
        select(*(table.c[name] for name in names))
        .where(table.c.geom.op("&&")(reach), table.c.minzoom <= bindparam("zoom", None, type_=Integer()), *more)
        .order_by(table.c.rank.desc().nulls_last(), table.c.fid)
        .limit(_fixed(settings.tile_features_max))
        .subquery("kept")
    )


def _value(column: ColumnElement[Any], field: Field) -> ColumnElement[Any]:
    """An attribute as a tile carries it: dates and times as ISO 8601 text, times in UTC."""
    if field.type == "date":
        return func.to_char(column, _fixed("YYYY-MM-DD"))
    if field.type == "datetime":
        return func.to_char(func.timezone(_fixed("UTC"), column), _fixed('YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    return column
