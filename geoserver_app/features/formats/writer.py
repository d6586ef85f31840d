"""Writes a file from an Arrow stream on stdin; run as a program of its own.

Arguments: driver, path, layer, CRS, geometry type (empty: rows without geometry).
"""

import sys

# Loading them would take longer than most files; pyogrio does without.
sys.modules["geopandas"] = sys.modules["pandas"] = None  # type: ignore[assignment]

import pyarrow as pa  # noqa: E402
import pyogrio  # noqa: E402

GEOMETRY = "geom"
TYPES = {"Geometry": "Unknown"}


def main(driver: str, path: str, layer: str, crs: str, kind: str) -> None:
    geometry = {"geometry_name": GEOMETRY, "geometry_type": TYPES.get(kind, kind), "crs": crs} if kind else {}
    with pa.ipc.open_stream(sys.stdin.buffer) as stream:
        pyogrio.write_arrow(stream, path, layer=layer, driver=driver, **geometry)


if __name__ == "__main__":
    main(*sys.argv[1:])
