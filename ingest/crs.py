"""The EPSG number of a CRS that a source writes in its own way."""

import re
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

_NAMES = {
    "belgelambert1972": 31370,
    "belgelambert72": 31370,
    "belge1972belgianlambert72": 31370,
    "belgianlambert72": 31370,
    "bd72belgianlambert72": 31370,
    "etrs89belgianlambert2008": 3812,
    "etrs1989lambert2008": 3812,
    "belgianlambert2008": 3812,
    "belgelambert2008": 3812,
}
"""Belgian systems as ESRI and others call them; their .prj often lacks the datum's name."""

_WKIDS = {102100: 3857, 102113: 3857, 102199: 3812}
"""Esri numbers met on Belgian servers, with the EPSG number of the same system."""


def srid_of(text: Any) -> int | None:
    """EPSG number of a WKT, PROJJSON, URN or "EPSG:n" text; None where none fits exactly enough."""
    if not text:
        return None
    try:
        crs = CRS.from_user_input(text)
    except CRSError:
        return None
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if crs.to_authority() == ("OGC", "CRS84"):
        return 4326
    found = crs.to_epsg() or crs.to_2d().to_epsg()
    if found:
        return 4326 if found == 4979 else int(found)
    named = _NAMES.get(re.sub(r"[^a-z0-9]", "", crs.name.lower()))
    if named:
        return named
    likely = crs.to_epsg(min_confidence=20)
    return int(likely) if likely and _same(crs, CRS.from_epsg(likely)) else None


def srid_of_wkid(reference: dict[str, Any]) -> int | None:
    """EPSG number of an Esri ``spatialReference`` object."""
    for name in ("latestWkid", "wkid"):
        wkid = reference.get(name)
        if isinstance(wkid, int):
            if wkid in _WKIDS:
                return _WKIDS[wkid]
            found = srid_of(f"EPSG:{wkid}") or srid_of(f"ESRI:{wkid}")
            if found:
                return found
    return srid_of(reference.get("wkt2") or reference.get("wkt"))


def _same(one: CRS, other: CRS) -> bool:
    """Whether both project the same ellipsoid with the same parameters, whatever they are called."""
    if one.ellipsoid is None or other.ellipsoid is None:
        return False
    sizes = [(e.semi_major_metre, round(e.inverse_flattening, 6)) for e in (one.ellipsoid, other.ellipsoid)]
    if sizes[0] != sizes[1]:
        return False
    if one.coordinate_operation is None or other.coordinate_operation is None:
        return one.is_geographic and other.is_geographic and _prime(one) == _prime(other)
    steps = [c.coordinate_operation for c in (one, other)]
    values = [[(p.code, round(float(p.value), 6)) for p in step.params] for step in steps if step is not None]
    return values[0] == values[1]


def _prime(crs: CRS) -> float:
    return crs.prime_meridian.longitude if crs.prime_meridian else 0.0
