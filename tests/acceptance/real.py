"""Real files, what is published from each, and an independent reading to compare with."""

import dataclasses
import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas
import httpx
import mapbox_vector_tile
import numpy as np
import pyogrio
import shapely

EARTH = 40075016.68557849


@dataclass(frozen=True)
class Real:
    """One real file as `maillage add` publishes it."""

    id: str
    file: str
    count: int
    arguments: tuple[str, ...] = ()
    repaired: int | None = None
    rejected: int = 0
    layer: str | None = None
    where: str | None = None

    def frame(self, folder: Path) -> geopandas.GeoDataFrame:
        """The file read by another program's code, geometry in EPSG:3857."""
        path = folder / self.file
        if path.suffix == ".parquet":
            found = geopandas.read_parquet(path)
        else:
            found = pyogrio.read_dataframe(path, layer=self.layer, where=self.where)
        found = found[found.geometry.notna()]
        if self.file.endswith("refgem_flanders_2018_31370.shp.zip"):
            found = found.set_crs(31370, allow_override=True)
        return found.to_crs(3857)


REAL: tuple[Real, ...] = (
    Real("real_communes", "boundaries/communes_huy_waremme_31370.shp.zip", 31),
    Real("statbel", "boundaries/statbel_admin_2011.gpkg", 589, ("--layer", "municipalities"), layer="municipalities"),
    Real("liege_roads", "roads/liege_fua_streets_merged.fgb", 12_479),
    Real("waterways", "hydro_poi/osm_be_waterways_2015.parquet", 22_882),
    Real(
        "veneto",
        "flood/emsr332_veneto_2018.gpkg",
        5_355,
        ("--layer", "observed_event"),
        repaired=98,
        layer="observed_event",
    ),
    Real("hotmaps", "industry/hotmaps_industrial_sites_eu.gpkg", 4_505, rejected=524),
    Real("places", "hydro_poi/osm_be_places_2015.geojson", 5_668),
    Real("flanders", "boundaries/refgem_flanders_2018_31370.shp.zip", 300),
    Real(
        "helsinki",
        "roads/helsinki_centre.osm.pbf",
        2_504,
        ("--layer", "lines", "--where", "highway IS NOT NULL"),
        layer="lines",
        where="highway IS NOT NULL",
    ),
)


def tiles_of(frame: geopandas.GeoDataFrame, zoom: int) -> set[tuple[int, int]]:
    """The tile (x, y) that holds a point of each feature."""
    points = shapely.point_on_surface(frame.geometry.values)
    lines = np.isin(shapely.get_type_id(frame.geometry.values), (1, 5))
    if lines.any():
        points = np.where(lines, shapely.line_interpolate_point(_longest(frame), 0.5, normalized=True), points)
    size = EARTH / 2**zoom
    x = np.floor((shapely.get_x(points) + EARTH / 2) / size).astype(int)
    y = np.floor((EARTH / 2 - shapely.get_y(points)) / size).astype(int)
    return set(zip(x.tolist(), y.tolist(), strict=True))


def _longest(frame: geopandas.GeoDataFrame) -> np.ndarray:
    return np.array([max(shapely.get_parts(g), key=lambda part: part.length) for g in frame.geometry.values])


@dataclasses.dataclass(frozen=True)
class Tile:
    z: int
    x: int
    y: int
    body: bytes

    def ids(self, layer: str) -> Iterator[int]:
        if self.body:
            for feature in mapbox_vector_tile.decode(self.body)[layer]["features"]:
                yield feature["id"]


def fetch_tiles(url: str, layer: str, zoom: int, addresses: set[tuple[int, int]]) -> list[Tile]:
    found = []
    with httpx.Client(base_url=url, timeout=60, headers={"Accept-Encoding": "gzip"}) as client:
        for x, y in sorted(addresses):
            answer = client.get(f"/tiles/{layer}/{zoom}/{x}/{y}.mvt")
            assert answer.status_code == 200, answer.text
            found.append(Tile(zoom, x, y, answer.content))
    return found


def tile_units(lon: float, lat: float, zoom: int) -> tuple[int, int, float, float]:
    """Tile x, y and the place inside it in MVT units (4096), y down."""
    sine = math.sin(math.radians(lat))
    x = (lon / 360 + 0.5) * 2**zoom
    y = (0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)) * 2**zoom
    return int(x), int(y), (x % 1) * 4096, (y % 1) * 4096


def write_tile_folder(tiles: list[Tile], folder: Path) -> Path:
    """Tiles as files `<z>/<x>/<y>.pbf`, which GDAL's MVT driver reads as one data set."""
    for tile in tiles:
        if tile.body:
            path = folder / str(tile.z) / str(tile.x) / f"{tile.y}.pbf"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(gzip.compress(tile.body))
    return folder / str(tiles[0].z)
