"""The two grids: an independent library agrees on every corner."""

import math

import morecantile
import pytest
from pydantic import BaseModel

from geoserver_app.core.errors import NotFound
from geoserver_app.features.grid import GRIDS, LAMBERT_72_GRID, WEB_MERCATOR_QUAD, Grid, Limits, Tile, grid_of

WALLONIA = (42_200.0, 20_900.0, 295_200.0, 168_000.0)
"""In EPSG:31370, rounded outwards."""


def independent(grid: Grid) -> morecantile.TileMatrixSet:
    return morecantile.TileMatrixSet.model_validate(grid.document())


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.id)
def test_the_document_is_a_tile_matrix_set_that_gives_the_same_boxes(grid: Grid) -> None:
    other: BaseModel = independent(grid)
    for tile in (Tile(0, 0, 0), Tile(3, 5, 2), Tile(12, 2106, 1380), Tile(grid.deepest, 17000, 9000)):
        theirs = other.xy_bounds(morecantile.Tile(tile.column, tile.row, tile.level))  # type: ignore[attr-defined]
        assert grid.box(tile) == pytest.approx(tuple(theirs), abs=1e-6)


def test_the_web_mercator_grid_is_the_registered_one() -> None:
    registered = morecantile.tms.get("WebMercatorQuad")
    ours = independent(WEB_MERCATOR_QUAD)
    for level in range(WEB_MERCATOR_QUAD.deepest + 1):
        mine, theirs = ours.matrix(level), registered.matrix(level)
        assert mine.id == theirs.id
        assert mine.matrixWidth == theirs.matrixWidth
        assert mine.cellSize == pytest.approx(theirs.cellSize, rel=1e-9)
        assert mine.scaleDenominator == pytest.approx(theirs.scaleDenominator, rel=1e-9)
        assert mine.pointOfOrigin == pytest.approx(theirs.pointOfOrigin, rel=1e-9)


def test_lambert_72_covers_wallonia_with_cells_that_are_powers_of_two() -> None:
    bounds = WALLONIA
    west, south, east, north = LAMBERT_72_GRID.box(Tile(0, 0, 0))
    assert west < bounds[0] and south < bounds[1] and east > bounds[2] and north > bounds[3]
    for level in range(LAMBERT_72_GRID.deepest + 1):
        assert math.log2(LAMBERT_72_GRID.cell(level)).is_integer()


def test_a_lambert_tile_and_its_mercator_box_hold_the_control_point() -> None:
    # (184781.2, 128873.1) in Lambert 72 is 4.858691 E, 50.469649 N: tiles of 8 m at the deepest level.
    mercator = morecantile.tms.get("WebMercatorQuad").xy(4.858691, 50.469649)
    side = LAMBERT_72_GRID.span / 2**15
    tile = Tile(15, int((184781.2 - LAMBERT_72_GRID.west) / side), int((LAMBERT_72_GRID.north - 128873.1) / side))
    west, south, east, north = LAMBERT_72_GRID.box(tile)
    assert west <= 184781.2 <= east and south <= 128873.1 <= north
    west, south, east, north = LAMBERT_72_GRID.mercator_box(tile)
    assert west <= mercator.x <= east and south <= mercator.y <= north


def test_limits_are_the_tiles_that_the_extent_touches() -> None:
    # One degree of longitude is 1/360 of the width; 4.5 to 5.5 E at zoom 5 lies in one column.
    assert WEB_MERCATOR_QUAD.limits(5, (4.5, 50.0, 5.5, 51.0)) == Limits(5, 16, 10, 16, 10)
    assert WEB_MERCATOR_QUAD.limits(0, (-180, -90, 180, 90)) == Limits(0, 0, 0, 0, 0)
    assert WEB_MERCATOR_QUAD.limits(3, None) is None
    assert LAMBERT_72_GRID.limits(4, (24.0, 60.0, 25.0, 61.0)) is None


def test_a_grid_holds_no_tile_outside_its_matrices() -> None:
    assert WEB_MERCATOR_QUAD.contains(Tile(1, 1, 1))
    for tile in (Tile(1, 2, 0), Tile(1, 0, 2), Tile(1, -1, 0), Tile(23, 0, 0), Tile(-1, 0, 0), Tile(5, 2**63, 0)):
        assert not WEB_MERCATOR_QUAD.contains(tile)
    with pytest.raises(NotFound):
        grid_of("EuropeanETRS89_LAEAQuad")
