"""Esri geometry to WKB, against answers worked out by hand."""

from typing import Any

import pytest
import shapely

from ingest import esri
from ingest.source import BadSource

POLYGON = "esriGeometryPolygon"


def wkt(shape: Any, kind: str) -> str | None:
    found = esri.to_wkb([shape], kind)[0].as_py()
    return None if found is None else shapely.to_wkt(shapely.from_wkb(found), trim=True)


def square(x: float, y: float, side: float, *, hole: bool = False) -> list[list[float]]:
    ring = [[x, y], [x, y + side], [x + side, y + side], [x + side, y], [x, y]]
    return ring[::-1] if hole else ring


def test_a_clockwise_ring_is_a_shell_and_a_counter_clockwise_one_its_hole() -> None:
    found = shapely.from_wkt(wkt({"rings": [square(0, 0, 10), square(2, 2, 2, hole=True)]}, POLYGON))
    assert found.geom_type == "Polygon"
    assert found.area == 96
    assert len(found.interiors) == 1


def test_holes_go_to_the_smallest_shell_around_them() -> None:
    rings = [square(0, 0, 100), square(10, 10, 50, hole=True), square(20, 20, 20), square(25, 25, 5, hole=True)]
    found = shapely.from_wkt(wkt({"rings": rings}, POLYGON))
    assert found.geom_type == "MultiPolygon"
    assert sorted(part.area for part in found.geoms) == [400 - 25, 10_000 - 2_500]


def test_shells_and_holes_of_several_features_do_not_mix() -> None:
    shapes = [{"rings": [square(0, 0, 10)]}, None, {"rings": [square(50, 0, 10), square(52, 2, 1, hole=True)]}]
    found = [row and shapely.from_wkb(row) for row in esri.to_wkb(shapes, POLYGON).to_pylist()]
    assert [shape and shape.area for shape in found] == [100, None, 99]


def test_a_lonely_counter_clockwise_ring_is_a_shell() -> None:
    assert shapely.from_wkt(wkt({"rings": [square(0, 0, 3, hole=True)]}, POLYGON)).area == 9


def test_an_open_ring_is_closed_and_a_ring_of_two_points_left_out() -> None:
    shape = {"rings": [square(0, 0, 2)[:-1], [[5, 5], [6, 6]]]}
    assert shapely.from_wkt(wkt(shape, POLYGON)).area == 4


@pytest.mark.parametrize(
    ("shape", "kind", "expected"),
    [
        ({"x": 1, "y": 2, "z": 3}, "esriGeometryPoint", "POINT (1 2)"),
        ({"x": "NaN", "y": "NaN"}, "esriGeometryPoint", None),
        ({"x": None, "y": None}, "esriGeometryPoint", None),
        (None, "esriGeometryPoint", None),
        ({"points": [[1, 2], [3, 4]]}, "esriGeometryMultipoint", "MULTIPOINT ((1 2), (3 4))"),
        ({"points": []}, "esriGeometryMultipoint", "MULTIPOINT EMPTY"),
        ({"paths": [[[0, 0, 9], [1, 1, 9]]]}, "esriGeometryPolyline", "LINESTRING (0 0, 1 1)"),
        (
            {"paths": [[[0, 0], [1, 1]], [[2, 2], [3, 3, 7]]]},
            "esriGeometryPolyline",
            "MULTILINESTRING ((0 0, 1 1), (2 2, 3 3))",
        ),
        ({"paths": []}, "esriGeometryPolyline", "LINESTRING EMPTY"),
        ({"rings": []}, POLYGON, "POLYGON EMPTY"),
    ],
)
def test_each_kind_of_geometry_becomes_its_wkb(shape: Any, kind: str, expected: str | None) -> None:
    assert wkt(shape, kind) == expected


def test_true_curves_are_refused_rather_than_lost() -> None:
    with pytest.raises(BadSource, match="true curves"):
        esri.to_wkb([{"curveRings": []}], POLYGON)
