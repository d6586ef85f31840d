"""Coordinate reference systems: names at the edge, one value inside.

Boxes and geometries inside the server are always east first (x, y). Only readers and writers
of a protocol turn the axes, through :attr:`Crs.north_first`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from geoserver_app.core.errors import UnknownCrs

CRS84_URI = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


@dataclass(frozen=True)
class Crs:
    """A coordinate reference system as a client may name it.

    ``srid`` is PostGIS's number. CRS84 and EPSG:4326 share srid 4326 and differ in the axis
    order of their coordinates on the wire.
    """

    srid: int
    uri: str
    name: str
    north_first: bool
    metres: bool

    @property
    def urn(self) -> str:
        if self.uri == CRS84_URI:
            return "urn:ogc:def:crs:OGC:1.3:CRS84"
        return f"urn:ogc:def:crs:EPSG::{self.srid}"

    @property
    def short(self) -> str:
        return "CRS:84" if self.uri == CRS84_URI else f"EPSG:{self.srid}"


CRS84 = Crs(4326, CRS84_URI, "WGS 84 longitude-latitude", False, False)


@lru_cache(maxsize=256)
def crs_of(srid: int) -> Crs:
    """The EPSG system with this number; UnknownCrs where PROJ does not know it."""
    try:
        found = CRS.from_epsg(srid)
    except CRSError:
        raise UnknownCrs(f"EPSG:{srid} is not known", locator="crs") from None
    axes = found.axis_info
    north = len(axes) > 1 and axes[0].direction.lower() in {"north", "south"}
    metres = bool(axes) and axes[0].unit_name.lower() in {"metre", "meter"}
    return Crs(srid, f"http://www.opengis.net/def/crs/EPSG/0/{srid}", found.name, north, metres)


WGS84 = crs_of(4326)
WEB_MERCATOR = crs_of(3857)
LAMBERT_72 = crs_of(31370)
LAMBERT_2008 = crs_of(3812)

SERVED: tuple[Crs, ...] = (CRS84, WGS84, WEB_MERCATOR, LAMBERT_72, LAMBERT_2008)
"""Offered for every layer; a layer's own storage CRS is added to them."""

_EPSG = re.compile(
    r"^(?:EPSG:|urn:(?:ogc|x-ogc):def:crs:EPSG:[\d.]*:|https?://www\.opengis\.net/def/crs/EPSG/[\d.]+/"
    r"|https?://www\.opengis\.net/gml/srs/epsg\.xml#)(\d{4,6})$",
    re.IGNORECASE,
)
_CRS84 = re.compile(
    r"^(?:CRS:84|OGC:CRS84|urn:ogc:def:crs:OGC:(?:1\.3|2)?:CRS84|https?://www\.opengis\.net/def/crs/OGC/(?:1\.3|0)/CRS84)$",
    re.IGNORECASE,
)


def read_crs(text: str, *, offered: tuple[Crs, ...] = SERVED, locator: str = "crs") -> Crs:
    """Read any spelling of a CRS (URI, URN, EPSG:n, CRS:84) that is among those offered."""
    if _CRS84.match(text):
        wanted = CRS84_URI
    elif found := _EPSG.match(text):
        wanted = f"http://www.opengis.net/def/crs/EPSG/0/{found.group(1)}"
    else:
        raise UnknownCrs(f"{text!r} is not the name of a CRS", locator=locator)
    for crs in offered:
        if crs.uri == wanted:
            return crs
    raise UnknownCrs(f"{text!r} is not offered here", locator=locator)


@lru_cache(maxsize=64)
def transformer(source: int, target: int) -> Transformer:
    """An east-first transformer between two srids."""
    return Transformer.from_crs(source, target, always_xy=True)


def transform_point(x: float, y: float, source: int, target: int) -> tuple[float, float]:
    return transformer(source, target).transform(x, y)


def transform_bounds(
    bounds: tuple[float, float, float, float], source: int, target: int
) -> tuple[float, float, float, float]:
    """The box around a transformed box, its edges densified (21 points a side)."""
    if source == target:
        return bounds
    return transformer(source, target).transform_bounds(*bounds)
