"""Tile grids: which rectangle of ground a tile covers, and the documents that say so.

Both grids are quadtrees with one tile at level 0. Rows count downwards from the top-left corner
(OGC Two Dimensional Tile Matrix Set 2.0, clause 6).
"""

from dataclasses import dataclass
from functools import lru_cache
from math import floor
from typing import Any

from geoserver_app.core.crs import LAMBERT_72, WEB_MERCATOR, Crs, transform_bounds
from geoserver_app.core.errors import NotFound
from geoserver_app.core.layer import Box

TILE_PIXELS = 256
"""Size the standard's scale denominators are said for; a vector tile is drawn at any size."""
PIXEL_METRES = 0.00028
"""The standardised rendering pixel (OGC 17-083r4, clause 6.2)."""
MERCATOR_HALF = 20037508.342789244
MERCATOR_LATITUDE = 85.0511287798066
SEAM_METRES = 10.0
"""Two PROJ installations may choose different datum shifts between Lambert 72 and WGS 84."""


@dataclass(frozen=True)
class Tile:
    """An address in a grid: level (zoom), column from the left, row from the top."""

    level: int
    column: int
    row: int


@dataclass(frozen=True)
class Limits:
    """Columns and rows of one level that hold data, both ends included."""

    level: int
    left: int
    top: int
    right: int
    bottom: int

    def holds(self, tile: Tile) -> bool:
        return self.left <= tile.column <= self.right and self.top <= tile.row <= self.bottom


@dataclass(frozen=True)
class Grid:
    """A quadtree of square tiles. ``west`` and ``north`` are its corner, ``span`` one side of level 0, in metres."""

    id: str
    title: str
    crs: Crs
    west: float
    north: float
    span: float
    deepest: int
    zoom_offset: int = 0
    """Web Mercator zoom (512 px tiles) whose ground resolution level 0 is nearest to, rounded up."""
    uri: str | None = None
    well_known_scale_set: str | None = None
    description: str = ""
    keywords: tuple[str, ...] = ()

    @property
    def web_mercator(self) -> bool:
        return self.crs.srid == WEB_MERCATOR.srid

    def zoom(self, level: int) -> int:
        """The Web Mercator zoom whose bands serve a level."""
        return level + self.zoom_offset

    def level(self, zoom: int) -> int:
        """The level that a Web Mercator zoom corresponds to, inside the grid."""
        return min(max(zoom - self.zoom_offset, 0), self.deepest)

    def contains(self, tile: Tile) -> bool:
        if not 0 <= tile.level <= self.deepest:
            return False
        size = 1 << tile.level
        return 0 <= tile.column < size and 0 <= tile.row < size

    def box(self, tile: Tile, buffer: float = 0.0) -> Box:
        """The ground a tile covers, in the grid's CRS; ``buffer`` is a share of its side."""
        side = self.span / (1 << tile.level)
        west, north = self.west + tile.column * side, self.north - tile.row * side
        more = buffer * side
        return (west - more, north - side - more, west + side + more, north + more)

    def mercator_box(self, tile: Tile, buffer: float = 0.0) -> Box:
        """A box in EPSG:3857 that holds the tile however it lies there."""
        box = self.box(tile, buffer)
        if self.web_mercator:
            return box
        west, south, east, north = transform_bounds(box, self.crs.srid, WEB_MERCATOR.srid)
        return (west - SEAM_METRES, south - SEAM_METRES, east + SEAM_METRES, north + SEAM_METRES)

    def cell(self, level: int) -> float:
        return self.span / (1 << level) / TILE_PIXELS

    def bounds(self, bbox: Box | None) -> Box | None:
        """A CRS84 box in the grid's CRS; None where it lies outside the grid."""
        return None if bbox is None else _bounds(self, bbox)

    def limits(self, level: int, bbox: Box | None) -> Limits | None:
        """Tiles of a level that a CRS84 box touches; None where it lies outside the grid."""
        found = self.bounds(bbox)
        if found is None:
            return None
        west, south, east, north = found
        side, last = self.span / (1 << level), (1 << level) - 1
        left, right = floor((west - self.west) / side), floor((east - self.west) / side)
        top, bottom = floor((self.north - north) / side), floor((self.north - south) / side)
        if right < 0 or left > last or bottom < 0 or top > last:
            return None
        return Limits(level, max(left, 0), max(top, 0), min(right, last), min(bottom, last))

    def document(self) -> dict[str, Any]:
        """The TileMatrixSet (OGC 2D TMS 2.0, JSON encoding)."""
        document: dict[str, Any] = {"id": self.id, "title": self.title}
        if self.description:
            document["description"] = self.description
        if self.keywords:
            document["keywords"] = list(self.keywords)
        if self.uri:
            document["uri"] = self.uri
        document["crs"] = self.crs.uri
        document["orderedAxes"] = ["X", "Y"]
        if self.well_known_scale_set:
            document["wellKnownScaleSet"] = self.well_known_scale_set
        document["tileMatrices"] = [self._matrix(level) for level in range(self.deepest + 1)]
        return document

    def _matrix(self, level: int) -> dict[str, Any]:
        return {
            "id": str(level),
            "scaleDenominator": self.cell(level) / PIXEL_METRES,
            "cellSize": self.cell(level),
            "cornerOfOrigin": "topLeft",
            "pointOfOrigin": [self.west, self.north],
            "tileWidth": TILE_PIXELS,
            "tileHeight": TILE_PIXELS,
            "matrixWidth": 1 << level,
            "matrixHeight": 1 << level,
        }


@lru_cache(maxsize=1024)
def _bounds(grid: Grid, bbox: Box) -> Box | None:
    """A CRS84 box in the grid's CRS, cut to where the grid's projection holds."""
    west, south, east, north = bbox
    if grid.web_mercator:
        low, high = max(south, -MERCATOR_LATITUDE), min(north, MERCATOR_LATITUDE)
        if low > high:
            return None
        return transform_bounds((max(west, -180.0), low, min(east, 180.0), high), 4326, grid.crs.srid)
    around = transform_bounds(
        (grid.west, grid.north - grid.span, grid.west + grid.span, grid.north), grid.crs.srid, 4326
    )
    west, south = max(west, around[0]), max(south, around[1])
    east, north = min(east, around[2]), min(north, around[3])
    return (
        transform_bounds((west, south, east, north), 4326, grid.crs.srid) if west <= east and south <= north else None
    )


WEB_MERCATOR_QUAD = Grid(
    id="WebMercatorQuad",
    title="Google Maps Compatible for the World",
    crs=WEB_MERCATOR,
    west=-MERCATOR_HALF,
    north=MERCATOR_HALF,
    span=2 * MERCATOR_HALF,
    deepest=22,
    uri="http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad",
    well_known_scale_set="http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
)

LAMBERT_72_GRID = Grid(
    id="Lambert72",
    title="Wallonia in Belgian Lambert 72, cells of 1024 m halved level by level",
    crs=LAMBERT_72,
    west=36_864.0,
    north=262_144.0,
    span=262_144.0,
    deepest=15,
    # Level 0 shows 1024 m a cell; at 50.4 degrees north zoom 6.6 does, and a finer band is taken.
    zoom_offset=7,
    description="Covers x 36864 to 299008 and y 0 to 262144 of EPSG:31370. A grid of this server's own: "
    "it is not the one of any official service.",
    keywords=("EPSG:31370", "Wallonia"),
)

GRIDS: tuple[Grid, ...] = (WEB_MERCATOR_QUAD, LAMBERT_72_GRID)


def grid_of(name: str) -> Grid:
    for grid in GRIDS:
        if grid.id == name:
            return grid
    raise NotFound(f"there is no tile matrix set {name!r} here", locator="tileMatrixSetId")
