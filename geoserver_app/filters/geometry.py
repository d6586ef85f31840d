"""Geometries written inside a filter, put together from coordinates and checked."""

import math
from collections.abc import Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from geoserver_app.core.errors import BadFilter
from geoserver_app.core.filter import Geometry

Position = Sequence[float]
DEGREES_WIDE = 180.0


def point(position: Position) -> BaseGeometry:
    return shapely.Point(position)


def line(positions: Sequence[Position]) -> BaseGeometry:
    if len(positions) < 2:
        raise BadFilter("a line needs at least two positions", locator="filter")
    return shapely.LineString(positions)


def polygon(rings: Sequence[Sequence[Position]]) -> BaseGeometry:
    for ring in rings:
        if len(ring) < 4 or tuple(ring[0]) != tuple(ring[-1]):
            raise BadFilter("a ring needs at least four positions, the last equal to the first", locator="filter")
    if not rings:
        raise BadFilter("a polygon needs a ring", locator="filter")
    return shapely.Polygon(rings[0], rings[1:])


def many(kind: str, parts: Sequence[BaseGeometry]) -> BaseGeometry:
    """A Multi… or a GeometryCollection of parts."""
    makers = {
        "MULTIPOINT": shapely.MultiPoint,
        "MULTILINESTRING": shapely.MultiLineString,
        "MULTIPOLYGON": shapely.MultiPolygon,
        "GEOMETRYCOLLECTION": shapely.GeometryCollection,
    }
    if not parts:
        raise BadFilter(f"a {kind} needs a part", locator="filter")
    found: BaseGeometry = makers[kind](list(parts))
    return found


def box(numbers: Sequence[float], *, north_first: bool) -> BaseGeometry:
    """Four or six numbers as an area; in degrees, west > east means across the antimeridian."""
    if len(numbers) not in {4, 6}:
        raise BadFilter("a BBOX has four or six numbers", locator="filter")
    half = len(numbers) // 2
    a, b, c, d = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    west, south, east, north = (b, a, d, c) if north_first else (a, b, c, d)
    if south > north:
        raise BadFilter("a BBOX has its first corner north of its second", locator="filter")
    if west <= east:
        return shapely.box(west, south, east, north)
    if max(abs(west), abs(east)) > DEGREES_WIDE:
        raise BadFilter("a BBOX has its first corner east of its second", locator="filter")
    return shapely.MultiPolygon(
        [shapely.box(west, south, DEGREES_WIDE, north), shapely.box(-DEGREES_WIDE, south, east, north)]
    )


def finite(number: float) -> float:
    if not math.isfinite(number):
        raise BadFilter("a coordinate is not a finite number", locator="filter")
    return number


def finished(shape: BaseGeometry) -> Geometry:
    return Geometry(shapely.to_wkb(shape, byte_order=1))
