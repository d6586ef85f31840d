"""Query parameters of the OGC API read into plain values. What cannot be read is a 400 that names it."""

import math
from collections.abc import Iterable

from starlette.requests import Request

from geoserver_app.core.crs import CRS84, CRS84_URI, Crs, read_crs
from geoserver_app.core.errors import BadParameter, UnknownCrs
from geoserver_app.core.layer import Layer
from geoserver_app.core.query import Order, Window
from geoserver_app.features.where import EXERCISE

COMMON = frozenset({"f", "lang"})
CRS84H_URI = "http://www.opengis.net/def/crs/OGC/0/CRS84h"


def check_names(request: Request, known: Iterable[str] = ()) -> dict[str, str]:
    """The parameters by name; BadParameter for one that is unknown or given twice.

    OGC API Features Part 1, 7.6: a server answers 400 where a parameter is not in its definition.
    """
    allowed = COMMON | frozenset(known)
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in allowed:
            raise BadParameter(f"there is no parameter {name!r} here", locator=name)
        if name in found:
            raise BadParameter(f"the parameter {name!r} is given twice", locator=name)
        found[name] = value
    if found.get("lang", "fr") not in {"fr", "en"}:
        raise BadParameter(f"{found['lang']!r} is not offered; choose fr or en", locator="lang")
    return found


def read_limit(text: str | None, default: int, most: int) -> int:
    """The page size: at least 1; more than the largest page means the largest page (7.15.2)."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) > 0):
        raise BadParameter(f"{text!r} is not a number of features from 1 to {most}", locator="limit")
    return min(int(text), most)


def read_offered_crs(text: str | None, layer: Layer, locator: str) -> Crs:
    """A CRS of the layer by any of its spellings; CRS84 where unsaid (Part 2, 6.2)."""
    if text is None:
        return CRS84
    if text in {CRS84_URI, CRS84H_URI}:
        return CRS84
    try:
        return read_crs(text.removeprefix("[").removesuffix("]"), offered=layer.crs_list, locator=locator)
    except UnknownCrs as error:
        raise UnknownCrs(f"{error.detail}; the collection lists its systems under crs", locator=locator) from None


def read_window(text: str, crs: Crs) -> Window:
    """Four or six numbers in the axis order of the CRS, turned east first (7.15.3)."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise BadParameter(f"{text!r} is not a box: four or six numbers", locator="bbox") from None
    if len(numbers) not in {4, 6} or not all(map(math.isfinite, numbers)):
        raise BadParameter(f"{text!r} is not a box: four or six numbers", locator="bbox")
    half = len(numbers) // 2
    a, b, c, d = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    west, south, east, north = (b, a, d, c) if crs.north_first else (a, b, c, d)
    if south > north:
        raise BadParameter("the box has its first corner north of its second", locator="bbox")
    if west > east and crs.metres:
        raise BadParameter("the box has its first corner east of its second", locator="bbox")
    if not crs.metres and not (-180 <= west <= 180 and -180 <= east <= 180 and south >= -90 and north <= 90):
        turn = 360.0 if max(west, east) < -180 else -360.0 if min(west, east) > 180 else 0.0
        west, east = west + turn, east + turn
        if max(west, east) < -180 or min(west, east) > 180:
            raise BadParameter("the box lies more than a turn around the world away", locator="bbox")
        west, east = (max(-180.0, min(180.0, x)) for x in (west, east))
        south, north = (max(-90.0, min(90.0, y)) for y in (south, north))
    return Window((west, south, east, north), crs)


def read_order(text: str | None, layer: Layer) -> tuple[Order, ...]:
    """`+name,-other`. A plus sign reaches us as a blank, as query strings have it."""
    if text is None:
        return ()
    order: list[Order] = []
    for part in text.split(","):
        name = part.strip()
        descending = name.startswith("-")
        name = name.lstrip("+-").strip() if name[:1] in {"+", "-"} else name
        field = check_field(name, layer, "sortby")
        if any(by.field == field for by in order):
            raise BadParameter(f"{name!r} is given twice", locator="sortby")
        order.append(Order(field, descending))
    return tuple(order)


def read_fields(text: str | None, layer: Layer) -> tuple[str, ...] | None:
    """`a,b`: the properties wanted; none named in an empty text."""
    if text is None:
        return None
    return tuple(check_field(part.strip(), layer, "properties") for part in text.split(",") if part.strip())


def check_field(name: str, layer: Layer, locator: str) -> str:
    if name != EXERCISE and all(field.name != name for field in layer.fields):
        raise BadParameter(f"{layer.id!r} has no property {name!r}", locator=locator)
    return name


def read_flag(text: str | None, locator: str) -> bool:
    if text not in {None, "true", "false"}:
        raise BadParameter(f"{text!r} is neither true nor false", locator=locator)
    return text == "true"
