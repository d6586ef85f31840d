"""Geometry a client sent, brought into the CRS its layer is stored in so that the index serves."""

import math

import shapely
from pyproj import CRS
from shapely.geometry.base import BaseGeometry
from sqlalchemy import LargeBinary, bindparam, func
from sqlalchemy.sql.elements import ColumnElement

from geoserver_app.core.crs import transform_bounds, transformer
from geoserver_app.core.errors import BadFilter, BadParameter
from geoserver_app.core.layer import Box
from geoserver_app.core.publication import Published
from geoserver_app.core.query import Window

STEP_DEGREES = 0.005
STEP_METRES = 500.0
"""Longest edge that is transformed as a straight line: the chord is off by millimetres."""
STEPS_MAX = 2_000
MARGIN = 1.0
"""Degrees kept around a layer's extent and its CRS's area of use; what is farther meets nothing."""


def window_shape(window: Window, published: Published) -> BaseGeometry:
    """A box as an area in the storage CRS, its edges densified; two areas across the antimeridian."""
    west, south, east, north = window.box
    srid = window.crs.srid
    if west <= east:
        boxes = [shapely.box(west, south, east, north)]
    elif window.crs.metres:
        raise BadParameter("the box has its first corner east of its second", locator="bbox")
    else:
        boxes = [shapely.box(west, south, 180.0, north), shapely.box(-180.0, south, east, north)]
    # A box of no width or height is a line or a point, and still meets features.
    parts = [_collapsed(box) for box in boxes]
    shape = parts[0] if len(parts) == 1 else shapely.union_all(parts)
    return stored(shape, srid, published)[0]


def _collapsed(box: BaseGeometry) -> BaseGeometry:
    west, south, east, north = box.bounds
    if west == east and south == north:
        return shapely.Point(west, south)
    if west == east or south == north:
        return shapely.LineString([(west, south), (east, north)])
    return box


def literal_shape(wkb: bytes, srid: int, published: Published) -> tuple[BaseGeometry, bool]:
    """A geometry of a filter in the storage CRS, and whether all of it could be kept.

    What lies far from the layer is cut off before the transformation, which is not defined
    everywhere. Invalid areas are made valid.
    """
    shape = shapely.force_2d(shapely.from_wkb(wkb))
    if not shapely.is_valid(shape):
        shape = shapely.make_valid(shape)
        if shape.is_empty:
            raise BadFilter("a geometry of the filter is not valid and cannot be mended", locator="filter")
    return stored(shape, srid, published)


def stored(shape: BaseGeometry, srid: int, published: Published) -> tuple[BaseGeometry, bool]:
    """A shape of CRS ``srid`` in the layer's storage CRS, and whether nothing was cut off."""
    target = published.publication.srid
    if srid == target or shape.is_empty:
        return shape, True
    kept, whole = _clipped(shape, srid, published)
    if kept.is_empty:
        return kept, whole
    step = STEP_DEGREES if CRS.from_epsg(srid).is_geographic else STEP_METRES
    west, south, east, north = kept.bounds
    longest = max(step, (kept.length or math.hypot(east - west, north - south)) / STEPS_MAX)
    moved = shapely.transform(
        shapely.segmentize(kept, longest), transformer(srid, target).transform, include_z=False, interleaved=False
    )
    if not all(map(math.isfinite, moved.bounds)):
        raise BadParameter(f"the place cannot be expressed in EPSG:{target}, the CRS of {published.id!r}")
    return (moved if shapely.is_valid(moved) else shapely.make_valid(moved)), whole


def _clipped(shape: BaseGeometry, srid: int, published: Published) -> tuple[BaseGeometry, bool]:
    region = transform_bounds(_region(published), 4326, srid)
    if not all(map(math.isfinite, region)):
        return shape, True
    west, south, east, north = shape.bounds
    if west >= region[0] and south >= region[1] and east <= region[2] and north <= region[3]:
        return shape, True
    return shapely.intersection(shape, shapely.box(*region)), False


def _region(published: Published) -> Box:
    """The part of the world, in degrees, outside which the layer has nothing."""
    area = CRS.from_epsg(published.publication.srid).area_of_use
    use = (area.west, area.south, area.east, area.north) if area else (-180.0, -90.0, 180.0, 90.0)
    if use[0] > use[2]:
        use = (-180.0, use[1], 180.0, use[3])
    data = published.publication.bbox or use
    around = (min(use[0], data[0]), min(use[1], data[1]), max(use[2], data[2]), max(use[3], data[3]))
    # Half a degree more than the CRS's own area keeps clear of where projections break.
    return (
        max(data[0] - MARGIN, around[0] - MARGIN / 2, -180.0),
        max(data[1] - MARGIN, around[1] - MARGIN / 2, -90.0),
        min(data[2] + MARGIN, around[2] + MARGIN / 2, 180.0),
        min(data[3] + MARGIN, around[3] + MARGIN / 2, 90.0),
    )


def bound(shape: BaseGeometry, srid: int) -> ColumnElement[object]:
    """The shape as a bound value of the statement."""
    value = bindparam(None, shapely.to_wkb(shape, byte_order=1), type_=LargeBinary, unique=True)
    return func.ST_GeomFromWKB(value, srid)
