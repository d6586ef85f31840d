"""Geometry as the layer wants it: its CRS, its type, valid. A column of WKB at a time."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS, Transformer

from geoserver_app.core.crs import transformer
from geoserver_app.core.layer import Box, Layer
from ingest.mapping import Rejections

Array = Any
Shapes = Any
"""A numpy object array of shapely geometries and None."""

_POINT, _LINE, _POLYGON = 0, 1, 3
_MULTI = {0: 4, 1: 5, 3: 6}
"""GEOS type numbers of single types and their collections."""
_PROMOTE = {0: shapely.multipoints, 1: shapely.multilinestrings, 3: shapely.multipolygons}
_NAMES = ("Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
          "GeometryCollection")  # fmt: skip
_MARGIN = 5.0
"""Degrees outside a CRS's area of use in which coordinates are still believed."""


@dataclass(frozen=True)
class Shaped:
    """Geometry of one batch, row by row; rejected rows hold anything."""

    wkb: Array
    repaired: Any
    """numpy mask of rows whose geometry was made valid."""


@np.errstate(invalid="ignore")  # coordinates that are no numbers are looked for, not warned of
def shape(wkb: Array, layer: Layer, srid: int, rejections: Rejections) -> Shaped:
    """Bring a WKB column in ``srid`` to the layer's CRS and type, valid; what cannot be is rejected."""
    raw = wkb.to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(raw, on_invalid="ignore")
    changed = _reread(raw, shapes, np.asarray(pc.is_null(wkb)), rejections)
    usable = ~shapely.is_missing(shapes)
    empty = usable & shapely.is_empty(shapes)
    rejections.add(empty, "empty geometry")
    usable &= ~empty
    changed |= _fit_type(shapes, layer, usable, rejections)
    usable &= rejections.kept
    if srid != layer.crs:
        finite = _finite(shapes, usable)
        rejections.add(usable & ~finite, "coordinates are not finite")
        usable &= finite
        shapes[usable] = _transform(shapes[usable], srid, layer.crs)
        changed |= usable
    repaired = _mend(shapes, layer, srid, usable, rejections)
    usable &= rejections.kept
    _check_place(shapes, layer, usable, rejections)
    changed |= repaired
    if not changed.any():
        return Shaped(wkb, repaired)
    raw[changed] = shapely.to_wkb(shapes[changed])
    return Shaped(pa.array(raw, type=pa.binary()), repaired)


def _reread(raw: Any, shapes: Shapes, null: Any, rejections: Rejections) -> Any:
    """Close open rings where that is all that is wrong; reject what cannot be read. Returns what changed."""
    rejections.add(null, "no geometry")
    broken = shapely.is_missing(shapes) & ~null
    if broken.any():
        shapes[broken] = shapely.from_wkb(raw[broken], on_invalid="fix")
        rejections.add(broken & shapely.is_missing(shapes), "geometry cannot be read")
    return broken & ~shapely.is_missing(shapes)


def _fit_type(shapes: Shapes, layer: Layer, usable: Any, rejections: Rejections) -> Any:
    """Single to multi as the layer says, and the other way where there is one part. Returns what changed."""
    changed = np.zeros(len(shapes), dtype=bool)
    if layer.geometry == "Geometry":
        return changed
    single = {0: _POINT, 1: _LINE, 2: _POLYGON}[layer.dimension or 0]
    many = layer.geometry.startswith("Multi")
    types = shapely.get_type_id(shapes)
    right = (types == single) | (types == _MULTI[single])
    for number in np.unique(types[usable & ~right]):
        wrong = f"a {_NAMES[number]} where a {layer.geometry} is expected"
        rejections.add(usable & (types == number), wrong)
    if many:
        changed = usable & (types == single)
        if changed.any():
            shapes[changed] = _PROMOTE[single](shapes[changed], indices=np.arange(changed.sum()))
    else:
        collected = usable & (types == _MULTI[single])
        rejections.add(collected & (shapely.get_num_geometries(shapes) != 1), "several parts where one is expected")
        changed = collected & rejections.kept
        shapes[changed] = shapely.get_geometry(shapes[changed], 0)
    return changed


def _finite(shapes: Shapes, usable: Any) -> Any:
    """Rows all of whose coordinates are finite."""
    finite = np.ones(len(shapes), dtype=bool)
    coordinates, indices = shapely.get_coordinates(shapes[usable], return_index=True)
    bad = ~np.isfinite(coordinates).all(axis=1)
    if bad.any():
        finite[np.flatnonzero(usable)[np.unique(indices[bad])]] = False
    return finite


def _transform(shapes: Shapes, source: int, target: int) -> Shapes:
    step = transformer(source, target)
    return shapely.transform(shapes, step.transform, interleaved=False)


def _mend(shapes: Shapes, layer: Layer, srid: int, usable: Any, rejections: Rejections) -> Any:
    """Make invalid geometry valid, keeping the parts of the right dimension. Returns what was repaired."""
    repaired = np.zeros(len(shapes), dtype=bool)
    invalid = usable & ~shapely.is_valid(shapes)
    if not invalid.any():
        return repaired
    finite = _finite(shapes, invalid)
    lost = invalid & ~finite
    rejections.add(
        lost, "coordinates are not finite" if srid == layer.crs else f"coordinates have no place in EPSG:{layer.crs}"
    )
    invalid &= finite
    for index in np.flatnonzero(invalid):
        mended = _mended(shapes[index], layer)
        if mended is None:
            rejections.add_at(int(index), "geometry could not be repaired")
        else:
            shapes[index] = mended
            repaired[index] = True
    return repaired


def _mended(shape: Any, layer: Layer) -> Any:
    """A valid geometry of the layer's dimension and type, or None. Only invalid rows come here."""
    valid = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    if layer.dimension is None:
        return None if valid.is_empty else valid
    single = (_POINT, _LINE, _POLYGON)[layer.dimension]
    parts = _flatten(valid)
    parts = parts[shapely.get_type_id(parts) == single]
    if not len(parts) or (len(parts) > 1 and not layer.geometry.startswith("Multi")):
        return None
    if not layer.geometry.startswith("Multi"):
        return parts[0]
    found = _PROMOTE[single](parts)
    return found if shapely.is_valid(found) else None


def _flatten(shape: Any) -> Any:
    parts = shapely.get_parts([shape])
    while (shapely.get_type_id(parts) > _POLYGON).any():
        parts = shapely.get_parts(parts)
    return parts


def _check_place(shapes: Shapes, layer: Layer, usable: Any, rejections: Rejections) -> None:
    """Reject what lies outside the CRS's area or the layer's extent."""
    boxes = shapely.bounds(shapes)
    boxes[~usable] = np.nan
    if CRS.from_epsg(layer.crs).is_geographic:
        believed = _inside(boxes, (-180.000001, -90.000001, 180.000001, 90.000001))
        rejections.add(usable & ~believed, f"outside the area of EPSG:{layer.crs}")
    elif area := _area(layer.crs):
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        believed = _inside(_degrees(np.concatenate([middle, middle], axis=1), layer.crs, 1), area)
        rejections.add(usable & ~believed, f"outside the area of EPSG:{layer.crs}")
    if layer.gates.extent:
        inside = _inside(_degrees(boxes, layer.crs, 4), layer.gates.extent)
        rejections.add(usable & ~inside, "outside the layer's extent")


@lru_cache(maxsize=64)
def _area(srid: int) -> Box | None:
    """Longitudes and latitudes where a CRS is meant to be used, with a margin."""
    use = CRS.from_epsg(srid).area_of_use
    if use is None or use.west > use.east:
        return None
    return (use.west - _MARGIN, use.south - _MARGIN, use.east + _MARGIN, use.north + _MARGIN)


def _degrees(boxes: Any, srid: int, corners: int) -> Any:
    """Boxes in longitude and latitude, from their four corners, or from one where they are points."""
    if srid == 4326:
        return boxes
    step: Transformer = transformer(srid, 4326)
    xs, ys = boxes[:, [0, 2, 0, 2][:corners]], boxes[:, [1, 1, 3, 3][:corners]]
    lon, lat = step.transform(xs, ys)
    return np.stack([lon.min(axis=1), lat.min(axis=1), lon.max(axis=1), lat.max(axis=1)], axis=1)


def _inside(boxes: Any, box: Box) -> Any:
    """Rows whose box lies in ``box``; rows without a box do not."""
    west, south, east, north = box
    with np.errstate(invalid="ignore"):
        return (boxes[:, 0] >= west) & (boxes[:, 1] >= south) & (boxes[:, 2] <= east) & (boxes[:, 3] <= north)
