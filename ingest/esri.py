"""Esri's JSON geometry to WKB, a page of features at a time."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geoserver_app.core.layer import FieldType, GeometryType
from ingest.source import BadSource

GEOMETRIES: dict[str, GeometryType] = {
    "esriGeometryPoint": "Point",
    "esriGeometryMultipoint": "MultiPoint",
    "esriGeometryPolyline": "MultiLineString",
    "esriGeometryPolygon": "MultiPolygon",
}

FIELDS: dict[str, FieldType] = {
    "esriFieldTypeOID": "integer",
    "esriFieldTypeSmallInteger": "integer",
    "esriFieldTypeInteger": "integer",
    "esriFieldTypeBigInteger": "integer",
    "esriFieldTypeSingle": "number",
    "esriFieldTypeDouble": "number",
    "esriFieldTypeString": "string",
    "esriFieldTypeGUID": "string",
    "esriFieldTypeGlobalID": "string",
    "esriFieldTypeXML": "string",
    "esriFieldTypeTimeOnly": "string",
    "esriFieldTypeDate": "datetime",
    "esriFieldTypeTimestampOffset": "datetime",
    "esriFieldTypeDateOnly": "date",
}
"""Types without an entry (geometry, blobs, rasters) are no attributes."""

Shape = dict[str, Any] | None


def to_wkb(shapes: Sequence[Shape], kind: str) -> Any:
    """A binary Arrow array of 2D WKB, null where there is no geometry.

    In polygons clockwise rings are shells and the others holes of the smallest shell around them
    (Esri "Geometry objects"). A hole in no shell becomes a shell: some writers turn rings about.
    """
    for shape in shapes:
        if shape and ("curveRings" in shape or "curvePaths" in shape):
            raise BadSource("the service sends true curves although straight lines were asked for")
    make = {
        "esriGeometryPoint": _points,
        "esriGeometryMultipoint": _multipoints,
        "esriGeometryPolyline": _lines,
        "esriGeometryPolygon": _polygons,
    }[kind]
    return pa.array(shapely.to_wkb(make(shapes)), type=pa.binary(), from_pandas=True)


def _points(shapes: Sequence[Shape]) -> Any:
    x = np.array([_float(s.get("x")) if s else np.nan for s in shapes], dtype=float)
    y = np.array([_float(s.get("y")) if s else np.nan for s in shapes], dtype=float)
    whole = np.isfinite(x) & np.isfinite(y)
    found = np.full(len(shapes), None, dtype=object)
    found[whole] = shapely.points(x[whole], y[whole])
    return found


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _multipoints(shapes: Sequence[Shape]) -> Any:
    parts = [s.get("points") or [] if s else None for s in shapes]
    rows = np.repeat(np.arange(len(parts)), [len(p or ()) for p in parts])
    points = shapely.points(_coordinates(p or [] for p in parts)) if len(rows) else np.array([], dtype=object)
    return _gathered(shapely.multipoints, points, rows, parts, shapely.MultiPoint())


def _lines(shapes: Sequence[Shape]) -> Any:
    paths, rows, parts = _parts(shapes, "paths", 2)
    lines = _curves(shapely.linestrings, paths)
    found = _gathered(shapely.multilinestrings, lines, rows, parts, shapely.LineString())
    return _single(found, lines, rows)


def _polygons(shapes: Sequence[Shape]) -> Any:
    rings, rows, parts = _parts(shapes, "rings", 3)
    if not rings:
        return _gathered(shapely.multipolygons, np.array([], dtype=object), rows, parts, shapely.Polygon())
    closed = [ring if ring[0][:2] == ring[-1][:2] else [*ring, ring[0]] for ring in rings]
    linear = _curves(shapely.linearrings, closed)
    shell = ~shapely.is_ccw(linear)
    polygons, owners = _assembled(linear, shell, rows)
    found = _gathered(shapely.multipolygons, polygons, owners, parts, shapely.Polygon())
    return _single(found, polygons, owners)


def _parts(shapes: Sequence[Shape], name: str, least: int) -> tuple[list[Any], Any, list[Any]]:
    """The paths or rings of all shapes with at least ``least`` vertices, the row of each, and those by row."""
    parts = [(s.get(name) or []) if s else None for s in shapes]
    found = [(row, part) for row, group in enumerate(parts) for part in group or () if len(part) >= least]
    return [part for _, part in found], np.array([row for row, _ in found], dtype=np.int64), parts


def _coordinates(groups: Any) -> Any:
    """Flat x, y pairs of nested vertices; heights and measures are left behind."""
    vertices = list(chain.from_iterable(groups))
    try:
        return np.array(vertices, dtype=float)[:, :2]
    except ValueError:
        return np.array([vertex[:2] for vertex in vertices], dtype=float)


def _curves(make: Any, parts: list[Any]) -> Any:
    if not parts:
        return np.array([], dtype=object)
    return make(_coordinates(parts), indices=np.repeat(np.arange(len(parts)), [len(part) for part in parts]))


def _gathered(make: Any, parts: Any, rows: Any, shapes: list[Any], empty: Any) -> Any:
    """One collection a row; rows without a geometry stay None, rows with an empty one are empty."""
    found = np.array([None if shape is None else empty for shape in shapes], dtype=object)
    if len(parts):
        present = np.unique(rows)
        found[present] = make(parts, indices=np.searchsorted(present, rows))
    return found


def _single(found: Any, parts: Any, rows: Any) -> Any:
    """Collections of one part, as that part."""
    if len(rows):
        present, first, count = np.unique(rows, return_index=True, return_counts=True)
        alone = count == 1
        found[present[alone]] = parts[first[alone]]
    return found


def _assembled(linear: Any, shell: Any, rows: Any) -> tuple[Any, Any]:
    """Polygons out of rings, and the row of each."""
    shells = np.flatnonzero(shell)
    owner: dict[int, list[int]] = {int(i): [] for i in shells}
    by_row: dict[int, list[int]] = {}
    for i in shells:
        by_row.setdefault(int(rows[i]), []).append(int(i))
    for i in np.flatnonzero(~shell):
        candidates = by_row.get(int(rows[i]), [])
        found = candidates[0] if len(candidates) == 1 else _around(linear, int(i), candidates)
        owner.setdefault(int(i) if found is None else found, []).extend([] if found is None else [int(i)])
    order = sorted(owner)
    polygons = np.array([shapely.polygons(linear[i], [linear[h] for h in owner[i]] or None) for i in order])
    return polygons, rows[order]


def _around(linear: Any, hole: int, candidates: list[int]) -> int | None:
    """The smallest of the shells that holds a point of the hole; points on its border count."""
    point = shapely.get_point(linear[hole], 0)
    areas = {i: shapely.Polygon(linear[i]) for i in candidates}
    holding = [i for i, area in areas.items() if shapely.intersects(area, point)]
    return min(holding, key=lambda i: areas[i].area) if holding else None
