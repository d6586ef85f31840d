"""The generalised copies of a layer: which zooms, which features, how coarse."""

import pytest
import shapely

from geoserver_app.core.layer import FromZoom, Generalise, Zoom
from ingest.bands import pixel, plan
from tests.conftest import TestDatabase
from tests.ingest.support import SQUARE, Row, a_field, a_layer, ask, bands, load


def at_zoom(database: TestDatabase, zoom: int, columns: str = "fid") -> list[tuple[object, ...]]:
    """What a tile of this zoom would find."""
    (name,) = [name for name, low, high in bands(database) if low <= zoom <= high]
    return ask(database, f"SELECT {columns} FROM {name} WHERE minzoom <= %s ORDER BY fid", zoom)


def metres(*sizes: float) -> list[Row]:
    """Squares with sides of so many metres in EPSG:3857, far from each other."""
    return [(str(n), shapely.box(n * 1e6, 0, n * 1e6 + size, size).wkb, {}) for n, size in enumerate(sizes)]


WEB = {"crs": 3857}


def test_zooms_are_covered_once_by_bands() -> None:
    def ranges(low: int, high: int) -> list[tuple[int, int]]:
        return [(band.min, band.max) for band in plan(a_layer(zoom=Zoom(low, high)), 7)]

    assert ranges(0, 16) == [(0, 5), (6, 7), (8, 9), (10, 11), (12, 13), (14, 16)]
    assert ranges(6, 14) == [(6, 7), (8, 9), (10, 11), (12, 13), (14, 14)]
    assert ranges(8, 13) == [(8, 9), (10, 11), (12, 13)]
    assert ranges(10, 10) == [(10, 10)]


def test_a_feature_is_shown_from_the_zoom_where_it_is_a_pixel_wide(database: TestDatabase) -> None:
    load(database, a_layer(**WEB), metres(pixel(8) * 1.01, pixel(8) * 0.99, 0.01), srid=3857)
    assert at_zoom(database, 16, "minzoom") == [(8,), (9,), (16,)]
    assert at_zoom(database, 8) == [(1,)]
    assert at_zoom(database, 9) == [(1,), (2,)]
    assert at_zoom(database, 15) == [(1,), (2,)]


def test_every_feature_is_in_the_deepest_zoom(database: TestDatabase) -> None:
    layer = a_layer(**WEB, zoom=Zoom(5, 12), generalise=Generalise(drop_below=50))
    load(database, layer, metres(1e-3, 1.0, 1e5), srid=3857)
    assert len(at_zoom(database, 12)) == 3


def test_without_dropping_every_feature_is_at_every_zoom(database: TestDatabase) -> None:
    load(database, a_layer(**WEB, generalise=Generalise(drop_below=0)), metres(1.0, 10.0), srid=3857)
    assert [len(at_zoom(database, zoom)) for zoom in (0, 6, 11, 16)] == [2, 2, 2, 2]


def test_classes_wait_for_their_zoom_and_the_deepest_rule_holds(database: TestDatabase) -> None:
    rules = (FromZoom("name", ("lane", "track"), 12), FromZoom("name", ("track",), 14))
    layer = a_layer(**WEB, generalise=Generalise(from_zoom=rules))
    rows = [
        (k, s, {"name": n})
        for (k, s, _), n in zip(metres(1e6, 1e6, 1e6, 1e6), ("road", "lane", "track", None), strict=True)
    ]
    load(database, layer, rows, srid=3857)
    assert at_zoom(database, 16, "minzoom") == [(0,), (12,), (14,), (0,)]
    assert at_zoom(database, 13) == [(1,), (2,), (4,)]


def test_the_deepest_band_has_the_whole_geometry(database: TestDatabase) -> None:
    circle = shapely.Point(1000, 1000).buffer(500, quad_segs=64)
    load(database, a_layer(**WEB), [("1", circle.wkb, {})], srid=3857)
    counts = {zoom: at_zoom(database, zoom, "ST_NPoints(geom)")[0][0] for zoom in (16, 13, 11)}
    assert counts[16] == 257
    assert counts[16] > counts[13] > counts[11] >= 4  # type: ignore[operator]


def test_a_simplified_outline_stays_within_the_tolerance(database: TestDatabase) -> None:
    circle = shapely.Point(0, 0).buffer(5000, quad_segs=64)
    load(database, a_layer(**WEB), [("1", circle.wkb, {})], srid=3857)
    for zoom in (13, 11, 9):
        (hex_wkb,) = at_zoom(database, zoom, "encode(ST_AsBinary(geom), 'hex')")[0]
        away = shapely.hausdorff_distance(shapely.from_wkb(hex_wkb).boundary, circle.boundary)
        # Each band is made from the one below, whose own error is a quarter.
        assert away <= 0.5 * pixel(zoom) * 1.34


def test_a_thin_polygon_that_would_vanish_keeps_its_place(database: TestDatabase) -> None:
    size = pixel(11)
    sliver = shapely.box(0, 0, size * 40, size * 0.05)
    load(database, a_layer(**WEB), [("1", sliver.wkb, {})], srid=3857)
    ((area, valid, inside),) = at_zoom(
        database, 11, f"ST_Area(geom), ST_IsValid(geom), geom && ST_GeomFromText('{sliver.wkt}', 3857)"
    )
    assert (valid, inside) == (True, True)
    assert float(str(area)) == pytest.approx(sliver.area, rel=0.01)


def test_polygons_of_a_coverage_keep_their_shared_borders(database: TestDatabase) -> None:
    wiggle = [(x * 500.0, 200.0 * (x % 2)) for x in range(41)]
    above = shapely.Polygon([*wiggle, (20000, 20000), (0, 20000)])
    below = shapely.Polygon([*wiggle, (20000, -20000), (0, -20000)])
    layer = a_layer(**WEB, generalise=Generalise(coverage=True))
    load(database, layer, [("a", above.wkb, {}), ("b", below.wkb, {})], srid=3857)
    for zoom in (11, 9, 7):
        found = [shapely.from_wkb(row[0]) for row in at_zoom(database, zoom, "encode(ST_AsBinary(geom), 'hex')")]
        assert shapely.coverage_is_valid(found)
    assert shapely.get_num_coordinates(found).sum() < shapely.get_num_coordinates([above, below]).sum()


def test_a_name_stands_inside_its_surface_and_at_every_zoom_in_the_same_place(database: TestDatabase) -> None:
    bay = shapely.Polygon([(0, 0), (9000, 0), (9000, 9000), (8000, 9000), (8000, 1000), (0, 1000)])
    two = shapely.MultiPolygon([shapely.box(20000, 0, 20100, 100), shapely.box(30000, 0, 34000, 4000)])
    load(database, a_layer(**WEB, label="name"), [("1", bay.wkb, {}), ("2", two.wkb, {})], srid=3857)
    exact = at_zoom(database, 16, 'ST_Within("Label", geom), ST_AsText("Label")')
    assert [within for within, _ in exact] == [True, True]
    for zoom in (13, 11, 9):
        assert at_zoom(database, zoom, 'ST_Within("Label", geom), ST_AsText("Label")') == exact


def test_layers_without_names_of_surfaces_keep_no_place_for_them(database: TestDatabase) -> None:
    columns = (
        "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'reference' AND column_name = 'Label'"
    )
    for layer in (a_layer(**WEB), a_layer(**WEB, geometry="LineString", label="name")):
        load(database, layer, [("1", "LINESTRING (0 0, 9 9)" if layer.label else SQUARE, {})], srid=3857)
        assert ask(database, columns) == [(0,)]


def test_lines_keep_their_ends_and_lose_what_nobody_sees(database: TestDatabase) -> None:
    step = pixel(11)
    bends = ", ".join(f"{n * step} {0.3 * step * (n % 2)}" for n in range(101))
    load(database, a_layer(**WEB, geometry="LineString"), [("1", f"LINESTRING ({bends})", {})], srid=3857)
    ends = f"ST_AsText(ST_StartPoint(geom)), round((ST_X(ST_EndPoint(geom)) / {step})::numeric, 3)::int"
    for zoom, points in ((16, 101), (13, 101), (11, 2)):
        assert at_zoom(database, zoom, f"{ends}, ST_NPoints(geom)") == [("POINT(0 0)", 100, points)]


def test_a_mixture_drops_small_lines_and_areas_and_keeps_points(database: TestDatabase) -> None:
    size = pixel(8) / 2
    rows: list[Row] = [
        ("point", "POINT (0 0)", {}),
        ("line", f"LINESTRING (0 0, {size} 0)", {}),
        ("area", shapely.box(0, 0, size, size).wkb, {}),
    ]
    load(database, a_layer(**WEB, geometry="Geometry"), rows, srid=3857)
    assert at_zoom(database, 16, "minzoom") == [(0,), (9,), (9,)]
    assert len(at_zoom(database, 8)) == 1


def test_rank_is_the_named_field_or_else_the_size(database: TestDatabase) -> None:
    rows = [(k, s, {"people": n}) for (k, s, _), n in zip(metres(100, 300, 200), (5, None, 7), strict=True)]
    fields = (a_field("people", "integer"),)
    load(database, a_layer(**WEB, fields=fields), rows, srid=3857, types={"people": "integer"})
    assert at_zoom(database, 16, "rank") == [(100,), (300,), (200,)]
    layer = a_layer(**WEB, fields=fields, generalise=Generalise(rank="people"))
    load(database, layer, rows, srid=3857, types={"people": "integer"})
    ranks = [row[0] for row in at_zoom(database, 16, "rank")]
    assert ranks[0] == 5 and ranks[2] == 7 and ranks[1] < 0  # type: ignore[operator]


def test_crowded_points_are_thinned_to_one_in_a_square_of_the_grid(database: TestDatabase) -> None:
    step = pixel(14)
    rows: list[Row] = [
        (f"{x}-{y}", shapely.Point(x * step, y * step).wkb, {"people": 100 * x + y})
        for x in range(64)
        for y in range(64)
    ]
    fields = (a_field("people", "integer"),)
    layer = a_layer(**WEB, geometry="Point", fields=fields, generalise=Generalise(rank="people"))
    load(database, layer, rows, srid=3857, types={"people": "integer"})
    # At zoom 14 a square of 16 pixels holds 16 x 16 of these points.
    assert len(at_zoom(database, 16)) == 4096
    assert len(at_zoom(database, 14)) == 16
    assert len(at_zoom(database, 13)) == 4
    assert len(at_zoom(database, 12)) == 1
    assert at_zoom(database, 5, "people") == [(6363,)]
    shallow, deep = set(at_zoom(database, 13)), set(at_zoom(database, 14))
    assert shallow < deep


def test_few_points_are_shown_at_every_zoom(database: TestDatabase) -> None:
    rows: list[Row] = [(str(n), shapely.Point(n, n).wkb, {}) for n in range(100)]
    load(database, a_layer(**WEB, geometry="Point"), rows, srid=3857)
    assert len(at_zoom(database, 0)) == 100


def test_what_reaches_beyond_the_edge_of_web_mercator_is_cut_there(database: TestDatabase) -> None:
    rows = [("cap", shapely.box(-10, 80, 10, 90).wkb, {}), ("equator", shapely.box(0, 0, 1, 1).wkb, {})]
    load(database, a_layer(), rows)
    tops = [row[0] for row in at_zoom(database, 16, "ST_YMax(geom)")]
    assert tops[0] == pytest.approx(20037508.34, abs=2)


def test_bands_carry_the_fields_that_tiles_show(database: TestDatabase) -> None:
    layer = a_layer(**WEB, fields=(a_field("size"), a_field("zoom"), a_field("whole"), a_field("secret", tiles=False)))
    types = dict.fromkeys(("size", "zoom", "whole", "secret"), "string")
    load(database, layer, [(k, s, {"size": "s", "zoom": "z"}) for k, s, _ in metres(1e6)], srid=3857, types=types)
    assert at_zoom(database, 5, "size, zoom, whole") == [("s", "z", None)]
    (name, _, _) = bands(database)[0]
    columns = ask(database, "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0", name)
    assert {c for (c,) in columns} == {"fid", "rank", "minzoom", "size", "zoom", "whole", "geom"}
