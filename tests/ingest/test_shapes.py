"""Geometry: types, CRS, repairs and what cannot be kept."""

import struct

import pytest

from geoserver_app.core.layer import Gates
from ingest.gates import GatesFailed
from tests.conftest import TestDatabase
from tests.ingest.support import BOW_TIE, SQUARE, a_layer, ask, load, published, rejects, table

LENIENT = {"rejects_max_share": 1.0}


def test_a_bow_tie_becomes_two_triangles_and_is_counted(database: TestDatabase) -> None:
    summary = load(database, a_layer(), [("1", BOW_TIE, {}), ("2", SQUARE, {})])
    assert summary.repaired == 1
    assert published(database, "ST_IsValid(geom), ST_NumGeometries(geom), ST_Area(geom)") == [
        (True, 2, 2.0),
        (True, 1, 1.0),
    ]


def test_single_geometries_become_multi_where_the_layer_says_so(database: TestDatabase) -> None:
    load(
        database, a_layer(), [("1", SQUARE, {}), ("2", f"MULTI{SQUARE.replace('((', '(((').replace('))', ')))')}", {})]
    )
    assert published(database, "GeometryType(geom)") == ["MULTIPOLYGON", "MULTIPOLYGON"]


def test_a_multi_of_one_part_becomes_single_and_more_parts_are_rejected(database: TestDatabase) -> None:
    layer = a_layer(geometry="Point")
    rows = [("1", "MULTIPOINT ((1 2))", {}), ("2", "MULTIPOINT ((1 2), (3 4))", {}), ("3", "POINT (5 6)", {})]
    load(database, layer, rows, settings=LENIENT)
    assert published(database, "ST_AsText(geom)") == ["POINT(1 2)", "POINT(5 6)"]
    assert rejects(database) == [("2", "several parts where one is expected")]


def ring(*points: tuple[float, float]) -> bytes:
    """A polygon of one ring as it is, closed or not."""
    return struct.pack("<BIII", 1, 3, 1, len(points)) + b"".join(struct.pack("<dd", *p) for p in points)


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (None, "no geometry"),
        (b"\x01\x03\x00", "geometry cannot be read"),
        ("POLYGON EMPTY", "empty geometry"),
        ("POINT (1 2)", "a Point where a MultiPolygon is expected"),
        (ring((0, 0), (0, float("nan")), (1, 1), (0, 0)), "coordinates are not finite"),
        ("POLYGON ((0 0, 1 1, 2 2, 0 0))", "geometry could not be repaired"),
        ("POLYGON ((500 0, 500 1, 501 1, 500 0))", "outside the area of EPSG:4326"),
    ],
)
def test_geometry_that_cannot_be_kept_is_rejected_with_its_reason(
    database: TestDatabase, geometry: str | bytes | None, reason: str
) -> None:
    load(database, a_layer(), [("good", SQUARE, {}), ("bad", geometry, {})], settings=LENIENT)
    assert rejects(database) == [("bad", reason)]
    assert published(database) == ["good"]


def test_an_open_ring_is_closed(database: TestDatabase) -> None:
    load(database, a_layer(), [("1", ring((0, 0), (0, 1), (1, 1), (1, 0)), {})])
    assert published(database, "ST_Area(geom)") == [1.0]


def test_rows_outside_the_layers_extent_are_rejected(database: TestDatabase) -> None:
    layer = a_layer(geometry="Point", crs=31370, gates=Gates(max_count_change=None, extent=(4.0, 50.0, 6.0, 51.0)))
    rows = [("huy", "POINT (5.24 50.52)", {}), ("ghent", "POINT (3.72 51.05)", {})]
    load(database, layer, rows, settings=LENIENT)
    assert published(database) == ["huy"]
    assert rejects(database) == [("ghent", "outside the layer's extent")]


def test_the_control_point_comes_back_in_degrees(database: TestDatabase) -> None:
    layer = a_layer(geometry="Point", crs=31370)
    load(database, layer, [("1", "POINT (184781.2 128873.1)", {})], srid=31370)
    ((lon, lat),) = published(database, "ST_X(ST_Transform(geom, 4326)), ST_Y(ST_Transform(geom, 4326))")
    assert (lon, lat) == pytest.approx((4.858691, 50.469649), abs=1e-6)


def test_the_loader_and_the_database_agree_on_lambert_72(database: TestDatabase) -> None:
    load(database, a_layer(geometry="Point"), [("1", "POINT (184781.2 128873.1)", {})], srid=31370)
    ((x, y),) = published(database, "ST_X(ST_Transform(geom, 31370)), ST_Y(ST_Transform(geom, 31370))")
    assert (x, y) == pytest.approx((184781.2, 128873.1), abs=1e-3)


def test_coordinates_that_belong_to_another_crs_are_rejected(database: TestDatabase) -> None:
    layer = a_layer(geometry="Point", crs=31370)
    rows = [("metres", "POINT (184781.2 128873.1)", {}), ("far", "POINT (-5000000 9000000)", {})]
    load(database, layer, rows, srid=31370, settings=LENIENT)
    assert published(database) == ["metres"]
    assert rejects(database)[0][0] == "far"


def test_a_source_of_unknown_crs_is_refused(database: TestDatabase) -> None:
    with pytest.raises(GatesFailed, match="does not say its CRS"):
        load(database, a_layer(), [("1", SQUARE, {})], srid=None)


def test_mixed_geometry_is_kept_as_it_comes(database: TestDatabase) -> None:
    rows = [("1", "POINT (1 1)", {}), ("2", "LINESTRING (0 0, 1 1)", {}), ("3", SQUARE, {})]
    load(database, a_layer(geometry="Geometry"), rows)
    assert published(database, "GeometryType(geom)") == ["POINT", "LINESTRING", "POLYGON"]


def test_the_publication_knows_its_counts_and_extent(database: TestDatabase) -> None:
    load(database, a_layer(), [("1", SQUARE, {}), ("2", "POLYGON ((4 4, 4 6, 7 6, 4 4))", {})])
    found = ask(database, "SELECT feature_count, vertex_count, ST_AsText(extent) FROM system.publication")
    assert found == [(2, 9, "POLYGON((0 0,0 6,7 6,7 0,0 0))")]
    assert ask(database, f"SELECT count(*) FROM {table(database)} WHERE geom && ST_MakeEnvelope(5, 5, 9, 9, 4326)") == [
        (1,)
    ]
