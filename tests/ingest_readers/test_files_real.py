"""Real files of the territory and its neighbours: counts, CRSs, accents, keys."""

from pathlib import Path
from typing import Any

import pytest
import shapely

from geoserver_app.settings import Settings
from ingest.read import BadSource, layers_of
from tests.ingest_readers.reading import read_file


@pytest.mark.parametrize(
    ("file", "more", "count", "geometry", "srid", "key"),
    [
        ("boundaries/communes_huy_waremme_31370.shp.zip", {}, 31, "MultiPolygon", 31370, None),
        ("boundaries/statbel_admin_2011.gpkg", {"layer": "municipalities"}, 589, "MultiPolygon", 4326, "fid"),
        ("boundaries/statbel_admin_2011.gpkg", {"layer": "provinces"}, 10, "MultiPolygon", 4326, "fid"),
        ("boundaries/refgem_flanders_2018_31370.shp.zip", {}, 300, "MultiPolygon", 31370, None),
        ("roads/liege_fua_streets_merged.fgb", {}, 12_479, "LineString", 4326, None),
        ("roads/liege_fua_streets_osm.parquet", {}, 79_907, "LineString", 32631, None),
        ("roads/picc_roads_missing_in_osm_wallonia.geojson", {}, 383, "LineString", 4326, None),
        ("hydro_poi/osm_be_waterways_2015.parquet", {}, 22_882, "LineString", 4326, "osm_id"),
        ("hydro_poi/osm_be_places_2015.geojson", {}, 5_668, "Point", 4326, "osm_id"),
        ("hydro_poi/dutch_addresses_28992.gpkg", {}, 2_481, "Point", 28992, "fid"),
        ("flood/emsr332_veneto_2018.gpkg", {"layer": "observed_event"}, 5_355, "MultiPolygon", 4326, "fid"),
        ("industry/hotmaps_industrial_sites_eu.gpkg", {}, 5_029, "Point", 4326, "fid"),
        ("rail/irail_stations.csv", {}, 729, "Point", 4326, None),
        ("incidents/firms_active_fires_europe_2026.csv.gz", {}, 136_508, "Point", 4326, None),
        ("incidents/lfb_animal_rescues_2009_2021.csv.gz", {}, 7_544, "Point", 4326, None),
    ],
)
def test_every_row_of_a_real_file_is_read(
    settings: Settings,
    work: Path,
    data: Path,
    file: str,
    more: dict[str, Any],
    count: int,
    geometry: str,
    srid: int,
    key: str,
) -> None:
    whole = read_file(data / file, settings, work, **more)
    assert whole.table.num_rows == whole.described.count == count
    assert (whole.described.geometry, whole.described.srid, whole.described.key) == (geometry, srid, key)
    assert len(set(whole.keys)) == count
    names = [field.name for field in whole.described.fields]
    assert whole.table.schema.names == [*names, "__geometry__", "__key__"]


def test_the_flemish_file_is_placed_although_its_crs_names_no_datum(settings: Settings, work: Path, data: Path) -> None:
    whole = read_file(data / "boundaries/refgem_flanders_2018_31370.shp.zip", settings, work)
    assert {"Sint-Genesius-Rode", "Tielt-Winge"} <= set(whole.column("NAAM"))
    hasselt = whole.shapes[whole.column("NAAM").index("Hasselt")].centroid
    assert (round(hasselt.x, -4), round(hasselt.y, -4)) == (220_000, 180_000)


def test_the_accents_of_the_communes_come_right(settings: Settings, work: Path, data: Path) -> None:
    whole = read_file(data / "boundaries/communes_huy_waremme_31370.shp.zip", settings, work)
    assert {"Héron", "Crisnée", "Huy", "Waremme"} <= set(whole.column("COMMUNE"))


def test_rows_without_geometry_are_handed_on(settings: Settings, work: Path, data: Path) -> None:
    whole = read_file(data / "industry/hotmaps_industrial_sites_eu.gpkg", settings, work)
    assert whole.column("__geometry__").count(None) == 524


def test_invalid_geometry_is_handed_on_as_it_is(settings: Settings, work: Path, data: Path) -> None:
    whole = read_file(data / "flood/emsr332_veneto_2018.gpkg", settings, work, layer="observed_event")
    shapes = shapely.from_wkb(whole.column("__geometry__"))
    assert int((~shapely.is_valid(shapes)).sum()) == 98


def test_osm_lines_are_read_and_filtered(settings: Settings, work: Path, data: Path) -> None:
    path = data / "roads/helsinki_centre.osm.pbf"
    whole = read_file(path, settings, work, layer="lines", where="highway IS NOT NULL")
    assert whole.table.num_rows == 2_504
    assert whole.described.count is None
    assert whole.described.key == "osm_id"
    assert None not in whole.column("highway")


def test_rounded_coordinates_serve_where_the_layer_asks_for_metres(settings: Settings, work: Path, data: Path) -> None:
    path = data / "incidents/lfb_animal_rescues_2009_2021.csv.gz"
    assert read_file(path, settings, work).column("__geometry__").count(None) == 7_544 - 3_701
    metres = read_file(path, settings, work, crs=27700)
    assert metres.column("__geometry__").count(None) == 0
    assert metres.wkt[0] == "POINT (532350 170050)"
    assert metres.described.srid == 27700


def test_layers_of_a_file_are_named(data: Path) -> None:
    assert layers_of(data / "boundaries/statbel_admin_2011.gpkg") == ("municipalities", "districts", "provinces")
    assert layers_of(data / "boundaries/refgem_flanders_2018_31370.shp.zip") == ("Refgem",)
    assert "lines" in layers_of(data / "roads/helsinki_centre.osm.pbf")


def test_a_choice_of_layers_is_left_to_the_caller(settings: Settings, work: Path, data: Path) -> None:
    with pytest.raises(BadSource, match="municipalities, districts, provinces"):
        read_file(data / "boundaries/statbel_admin_2011.gpkg", settings, work)


def test_a_table_without_coordinates_says_what_it_looked_for(settings: Settings, work: Path, data: Path) -> None:
    with pytest.raises(BadSource, match=r"no coordinates.*Code INS"):
        read_file(data / "boundaries/refnis_2019.csv", settings, work)
