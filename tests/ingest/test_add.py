"""`maillage add`: any vector file with one command."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from geoserver_app.catalogue import read_catalog
from geoserver_app.core.errors import BadParameter, Conflict
from geoserver_app.core.layer import Layer
from geoserver_app.settings import Settings
from ingest import cli
from ingest.add import Wish, add_file
from ingest.describe import layer_id_of, safe_name
from ingest.progress import Silent
from ingest.source import BadSource
from tests.conftest import TestDatabase
from tests.ingest.support import ask, published, rejects, revision


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Settings:
    """Folders of layers and styles of the test's own, empty."""
    for name in ("layers", "styles"):
        (tmp_path / name).mkdir()
    return replace(database.settings, layers=tmp_path / "layers", styles=tmp_path / "styles", bake_zoom_max=4)


def geojson(path: Path, rows: list[dict[str, Any]]) -> Path:
    features = [
        {"type": "Feature", "properties": row, "geometry": {"type": "Point", "coordinates": [5 + n / 10, 50.5]}}
        for n, row in enumerate(rows)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def add(database: TestDatabase, settings: Settings, file: Path, **wish: Any) -> dict[str, Layer]:
    """Add a file and give the catalogue as a server would then read it."""
    list(add_file(settings, database.owner_url, file, Wish(**wish), lambda _: Silent()))
    return dict(read_catalog(settings.layers, settings.styles).layers)


def test_ids_are_the_stem_in_lower_case() -> None:
    assert layer_id_of(Path("Bornes d'incendie (2021).GeoJSON")) == "bornes_d_incendie__2021_"
    assert layer_id_of(Path("/data/Refgem.shp.zip")) == "refgem"
    assert layer_id_of(Path("helsinki_centre.osm.pbf")) == "helsinki_centre"
    assert layer_id_of(Path("2021-07.gpkg")) == "l_2021_07"


def test_field_names_are_safe_and_different() -> None:
    assert safe_name("Élévation (m)") == "elevation_m_"
    assert safe_name("fid") == "fid_"
    assert safe_name("2nd") == "_2nd"
    assert safe_name("Nom", {"nom"}) == "nom_2"


def test_a_file_is_described_loaded_and_written_to_the_catalogue(
    database: TestDatabase, settings: Settings, tmp_path: Path
) -> None:
    rows = [{"Nom": "Huy", "id": 61031, "Débit m³": 1.5, "quand": "2021-07-14T10:00:00Z"}]
    layers = add(database, settings, geojson(tmp_path / "Bornes.geojson", rows), title="Bornes d'incendie")
    layer = layers["bornes"]
    assert layer.title.fr == "Bornes d'incendie"
    assert (layer.geometry, layer.crs, layer.label) == ("Point", 4326, "nom")
    assert [(f.name, f.type, f.title.fr) for f in layer.fields] == [
        ("nom", "string", "Nom"),
        ("id_", "integer", "id"),
        ("debit_m3", "number", "Débit m³"),
        ("quand", "datetime", "quand"),
    ]
    assert layer.datetime_field == "quand"
    assert (layer.licence.name, layer.licence.attribution) == ("unspecified", "Bornes.geojson")
    assert published(database, "nom, id_, debit_m3", "bornes") == [("Huy", 61031, 1.5)]
    times = ask(database, "SELECT time_start = time_end, time_start::text FROM system.publication")
    assert times[0][0] is True and str(times[0][1]).startswith("2021-07-14")


def test_an_id_that_is_taken_needs_replace(database: TestDatabase, settings: Settings, tmp_path: Path) -> None:
    file = geojson(tmp_path / "points.geojson", [{"a": 1}])
    add(database, settings, file)
    with pytest.raises(Conflict, match=r"'points' already.*--replace"):
        add(database, settings, file)
    geojson(file, [{"b": "x"}, {"b": "y"}])
    layers = add(database, settings, file, replace=True)
    assert [f.name for f in layers["points"].fields] == ["b"]
    assert published(database, "b", "points") == ["x", "y"]
    assert revision(database, "points") == 2


def test_a_file_that_cannot_be_loaded_leaves_no_layer(
    database: TestDatabase, settings: Settings, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.geojson"
    broken.write_text('{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type"')
    with pytest.raises(BadSource):
        add(database, settings, broken)
    assert list(settings.layers.iterdir()) == list(settings.styles.iterdir()) == []
    assert revision(database, "broken") is None


def test_a_replacement_that_fails_leaves_the_old_layer(
    database: TestDatabase, settings: Settings, tmp_path: Path
) -> None:
    file = geojson(tmp_path / "points.geojson", [{"a": 1}])
    add(database, settings, file)
    before = {path.name: path.read_bytes() for path in (*settings.layers.iterdir(), *settings.styles.iterdir())}
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("ALTER TABLE system.publication ADD CONSTRAINT few CHECK (feature_count < 2)")
    geojson(file, [{"b": 1}, {"b": 2}])
    with pytest.raises(psycopg.errors.CheckViolation):
        add(database, settings, file, replace=True)
    assert {p.name: p.read_bytes() for p in (*settings.layers.iterdir(), *settings.styles.iterdir())} == before
    assert published(database, "a", "points") == [1]


def test_a_file_with_several_layers_gives_one_each(
    database: TestDatabase, settings: Settings, shared_data: Path
) -> None:
    file = shared_data / "boundaries" / "statbel_admin_2011.gpkg"
    layers = add(database, settings, file, id="belgium", layers=("districts", "provinces"))
    assert set(layers) == {"belgium_districts", "belgium_provinces"}
    assert len(published(database, layer_id="belgium_districts")) == 43
    assert len(published(database, layer_id="belgium_provinces")) == 10


def test_a_layer_the_file_lacks_is_named_with_those_it_has(
    database: TestDatabase, settings: Settings, shared_data: Path
) -> None:
    with pytest.raises(BadParameter, match="no layer 'communes'; it has municipalities, districts, provinces"):
        add(database, settings, shared_data / "boundaries" / "statbel_admin_2011.gpkg", layers=("communes",))


def test_the_source_can_be_read_again_from_its_layer_file(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = geojson(tmp_path / "points.geojson", [{"a": 1}, {"a": 2}])
    add(database, settings, file, where="a > 1")
    assert published(database, "a", "points") == [2]
    geojson(file, [{"a": 1}, {"a": 3}, {"a": 4}])
    assert cli.ingest(settings, database.owner_url, ("points",)) == 0
    assert published(database, "a", "points") == [3, 4]
    assert "points: published as revision 2: 2 of 2 rows kept" in capsys.readouterr().out


def test_polygons_that_share_borders_are_simplified_together(
    database: TestDatabase, settings: Settings, shared_data: Path
) -> None:
    boundaries, flood = shared_data / "boundaries", shared_data / "flood" / "emsr332_veneto_2018.gpkg"
    layers = add(database, settings, boundaries / "statbel_admin_2011.gpkg", id="belgium", layers=("provinces",))
    assert layers["belgium"].generalise.coverage
    assert not add(database, settings, flood, id="flood", layers=("area_of_interest_a",))["flood"].generalise.coverage


REAL = [
    ("boundaries/communes_huy_waremme_31370.shp.zip", {}, 31, 0, 0),
    ("boundaries/statbel_admin_2011.gpkg", {"layers": ("municipalities",)}, 589, 0, 0),
    ("roads/liege_fua_streets_merged.fgb", {}, 12_479, 0, 0),
    ("hydro_poi/osm_be_waterways_2015.parquet", {}, 22_882, 0, 0),
    ("flood/emsr332_veneto_2018.gpkg", {"layers": ("observed_event",)}, 5_355, 98, 0),
    ("industry/hotmaps_industrial_sites_eu.gpkg", {}, 4_505, 0, 524),
    ("boundaries/refgem_flanders_2018_31370.shp.zip", {}, 300, 0, 0),
    ("roads/helsinki_centre.osm.pbf", {"layers": ("lines",), "where": "highway IS NOT NULL"}, 2_504, 0, 0),
]


@pytest.mark.parametrize(("file", "wish", "kept", "repaired", "rejected"), REAL, ids=[Path(r[0]).stem for r in REAL])
def test_a_real_file_is_all_there_at_the_deepest_zoom(
    database: TestDatabase,
    settings: Settings,
    shared_data: Path,
    file: str,
    wish: dict[str, Any],
    kept: int,
    repaired: int,
    rejected: int,
) -> None:
    add(database, settings, shared_data / file, id="real", **wish)
    counts = ask(database, "SELECT feature_count, repaired, rejected, bands FROM system.publication")[0]
    assert counts[:3] == (kept, repaired, rejected)
    deepest = counts[3][-1]["table"]
    assert ask(database, f"SELECT count(DISTINCT fid), count(*) FROM reference.{deepest}") == [(kept, kept)]
    assert set(published(database, "ST_IsValid(geom)", "real")) == {True}


def test_every_site_without_a_place_is_in_the_rejects_by_name(
    database: TestDatabase, settings: Settings, shared_data: Path
) -> None:
    add(database, settings, shared_data / "industry" / "hotmaps_industrial_sites_eu.gpkg", id="sites")
    assert {reason for _, reason in rejects(database)} == {"no geometry"}
    named = ask(database, "SELECT count(*) FROM system.reject WHERE attributes ->> 'SiteName' <> ''")
    assert named[0][0] > 500


def test_flemish_names_are_read(database: TestDatabase, settings: Settings, shared_data: Path) -> None:
    add(database, settings, shared_data / "boundaries" / "refgem_flanders_2018_31370.shp.zip", id="flanders")
    assert "Sint-Truiden" in published(database, "naam", "flanders")


def test_rows_numbered_by_position_are_told_of(
    database: TestDatabase, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = geojson(tmp_path / "points.geojson", [{"id": 1}, {"id": 1}, {"id": 2}])
    assert cli.add(settings, database.owner_url, file) == 0
    note = "no unique key was found (field 'id' repeats 1 value); rows are numbered by position"
    assert note in capsys.readouterr().out
