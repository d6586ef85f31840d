"""Real files, each through `maillage add`: nothing lost, nothing moved, every client agrees."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path

import httpx
import mapbox_vector_tile
import numpy as np
import psycopg
import pyogrio
import pytest
import shapely
from owslib.ogcapi.features import Features
from pyproj import Transformer

from tests.acceptance.conftest import Published
from tests.acceptance.real import REAL, Real, Tile, fetch_tiles, tile_units, tiles_of, write_tile_folder
from tests.conftest import TestDatabase, maillage, serving

ZOOM = 16
QGIS_PYTHON = "/usr/bin/python3"


def need_client(path: str) -> None:
    """Skip where a client is not installed, unless the run asked for all of them."""
    if not Path(path).exists():
        if os.environ.get("MAILLAGE_TEST_CLIENTS"):
            pytest.fail(f"{path} is not installed")
        pytest.skip(f"{path} is not installed (script/test --clients installs it)")


def test_every_feature_is_counted_in_ogc_api(real: Published, item: Real) -> None:
    answer = httpx.get(f"{real.url}/ogc/collections/{item.id}/items", params={"limit": 1}).json()
    assert answer["numberMatched"] == item.count
    assert answer["numberReturned"] == 1


def test_walking_the_pages_meets_each_feature_once(real: Published, item: Real) -> None:
    seen: list[int] = []
    url: str | None = f"{real.url}/ogc/collections/{item.id}/items?limit=5000&properties="
    with httpx.Client(timeout=60) as client:
        while url:
            page = client.get(url).json()
            seen += [feature["id"] for feature in page["features"]]
            url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert len(seen) == len(set(seen)) == item.count


def test_repairs_are_counted(real: Published) -> None:
    with psycopg.connect(real.database.owner_url) as connection:
        row = connection.execute(
            "SELECT repaired, rejected FROM system.publication WHERE layer_id = 'veneto'"
        ).fetchone()
    assert row == (98, 0)
    assert "98" in real.printed["veneto"]


def test_rows_without_geometry_are_kept_aside_with_their_name_and_reason(real: Published) -> None:
    with psycopg.connect(real.database.owner_url) as connection:
        rows = connection.execute(
            "SELECT r.reason, r.attributes FROM system.reject r JOIN system.load l ON l.id = r.load_id"
            " WHERE l.layer_id = 'hotmaps'"
        ).fetchall()
    assert len(rows) == 524
    assert {reason for reason, _ in rows} == {"no geometry"}
    assert "Lenzing Papier GmbH" in {attributes["SiteName"] for _, attributes in rows}
    assert all("SiteName" in attributes for _, attributes in rows)


def test_names_keep_their_accents(real: Published) -> None:
    answer = httpx.get(
        f"{real.url}/ogc/collections/statbel/items",
        params={"filter": "tx_munty_descr_fr IN ('Rhode-Saint-Genèse','Braine-l’Alleud','Héron')", "limit": 10},
    ).json()
    names = {feature["properties"]["tx_munty_descr_fr"] for feature in answer["features"]}
    assert names == {"Rhode-Saint-Genèse", "Braine-l’Alleud", "Héron"}


def test_flemish_names_are_those_of_the_file(real: Published, shared_data: Path) -> None:
    told = pyogrio.read_dataframe(
        shared_data / "boundaries/refgem_flanders_2018_31370.shp.zip", encoding="ISO-8859-1", read_geometry=False
    )
    answer = httpx.get(f"{real.url}/ogc/collections/flanders/items?limit=1000&skipGeometry=true").json()
    assert sorted(f["properties"]["naam"] for f in answer["features"]) == sorted(told.NAAM)


@pytest.fixture(scope="session")
def deepest(real: Published, shared_data: Path) -> dict[str, list[Tile]]:
    """The tiles at the largest zoom that hold a point of each feature, fetched when first asked."""
    return {}


def walk(found: dict[str, list[Tile]], real: Published, item: Real, shared_data: Path) -> list[Tile]:
    if item.id not in found:
        found[item.id] = fetch_tiles(real.url, item.id, ZOOM, tiles_of(item.frame(shared_data), ZOOM))
    return found[item.id]


def test_tiles_at_the_largest_zoom_hold_every_feature(
    real: Published, item: Real, shared_data: Path, deepest: dict[str, list[Tile]]
) -> None:
    tiles = walk(deepest, real, item, shared_data)
    assert len({fid for tile in tiles for fid in tile.ids(item.id)}) == item.count


def test_gdals_vector_tile_driver_counts_every_feature(
    real: Published, item: Real, shared_data: Path, deepest: dict[str, list[Tile]], tmp_path: Path
) -> None:
    need_client("/usr/bin/ogrinfo")
    folder = write_tile_folder(walk(deepest, real, item, shared_data), tmp_path / "tiles")
    sql = f'SELECT COUNT(DISTINCT mvt_id) AS n FROM "{item.id}"'
    command = [
        "ogrinfo",
        "-q",
        "-oo",
        "METADATA_FILE=",
        "-oo",
        "CLIP=NO",
        "-dialect",
        "OGRSQL",
        "-sql",
        sql,
        f"MVT:{folder}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert f"n (Integer) = {item.count}" in done.stdout.replace("COUNT_DISTINCT_mvt_id", "n"), done.stdout + done.stderr


def test_owslib_counts_every_feature(real: Published, item: Real) -> None:
    service = Features(f"{real.url}/ogc")
    assert item.id in service.feature_collections()
    assert service.collection_items(item.id, limit=1)["numberMatched"] == item.count


def test_gdals_ogc_api_driver_reads_every_feature(real: Published, item: Real) -> None:
    source = f"OAPIF:{real.url}/ogc"
    assert len(pyogrio.read_dataframe(source, layer=item.id, read_geometry=False)) == item.count


QGIS_SCRIPT = """
import json, sys
from qgis.core import QgsApplication, QgsVectorLayer
QgsApplication.setPrefixPath("/usr", True)
app = QgsApplication([], False)
app.initQgis()
counts = {}
for name in sys.argv[2:]:
    layer = QgsVectorLayer(f"url='{sys.argv[1]}/ogc' typename='{name}'", name, "OAPIF")
    counts[name] = [layer.isValid(), layer.featureCount(), sum(1 for _ in layer.getFeatures())]
print("COUNTS " + json.dumps(counts))
sys.stdout.flush()
import os
os._exit(0)
"""


@pytest.mark.clients
def test_qgis_reads_every_feature(real: Published, tmp_path: Path) -> None:
    need_client("/usr/lib/python3/dist-packages/qgis")
    script = tmp_path / "count.py"
    script.write_text(QGIS_SCRIPT)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"}
    command = [QGIS_PYTHON, str(script), real.url, *(item.id for item in REAL)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("COUNTS ")]
    assert lines, done.stdout + done.stderr
    counts = json.loads(lines[0].removeprefix("COUNTS "))
    assert counts == {item.id: [True, item.count, item.count] for item in REAL}


CONTROL = (184781.2, 128873.1)
CONTROL_DEGREES = (4.858691, 50.469649)


@pytest.fixture
def control(database: TestDatabase, tmp_path: Path) -> TestDatabase:
    """A layer of one point, the control point, given in Belgian Lambert 72."""
    source = tmp_path / "control.csv"
    source.write_text("name,x,y\ncontrol,184781.2,128873.1\n")
    folders = {name: tmp_path / name for name in ("layers", "styles")}
    for folder in folders.values():
        folder.mkdir()
    settings = dataclasses.replace(database.settings, layers=folders["layers"], styles=folders["styles"])
    done = maillage(settings, "add", str(source), "--crs", "31370")
    assert done.returncode == 0, done.stdout + done.stderr
    return dataclasses.replace(database, settings=settings)


def test_the_control_point_comes_back_where_it_belongs(control: TestDatabase) -> None:
    with serving(control.settings) as url:
        feature = httpx.get(f"{url}/ogc/collections/control/items").json()["features"][0]
        lon, lat = feature["geometry"]["coordinates"]
        assert abs(lon - CONTROL_DEGREES[0]) < 1e-6 and abs(lat - CONTROL_DEGREES[1]) < 1e-6
        lambert = "http://www.opengis.net/def/crs/EPSG/0/31370"
        native = httpx.get(f"{url}/ogc/collections/control/items", params={"crs": lambert}).json()["features"][0]
        assert native["geometry"]["coordinates"] == pytest.approx(CONTROL, abs=0.001)
        x, y, column, row = tile_units(*CONTROL_DEGREES, ZOOM)
        (tile,) = fetch_tiles(url, "control", ZOOM, {(x, y)})
        decoded = mapbox_vector_tile.decode(tile.body, default_options={"y_coord_down": True})
        found = decoded["control"]["features"][0]["geometry"]["coordinates"]
        assert abs(found[0] - column) <= 1 and abs(found[1] - row) <= 1


def test_a_box_in_metres_and_one_in_degrees_find_the_same_features(real: Published, shared_data: Path) -> None:
    """No place lies in the strip between the two outlines, so both boxes must agree exactly."""
    places = next(item for item in REAL if item.id == "places").frame(shared_data).to_crs(31370)
    metres, degrees, count = agreeing_boxes(places.geometry.values)
    base = f"{real.url}/ogc/collections/places/items"
    common = {"limit": "10000", "skipGeometry": "true"}
    lambert = "http://www.opengis.net/def/crs/EPSG/0/31370"
    in_metres = httpx.get(base, params={**common, "bbox": ",".join(map(str, metres)), "bbox-crs": lambert}).json()
    in_degrees = httpx.get(base, params={**common, "bbox": ",".join(map(str, degrees))}).json()
    assert {f["id"] for f in in_metres["features"]} == {f["id"] for f in in_degrees["features"]}
    assert in_metres["numberReturned"] == count > 100


def agreeing_boxes(points: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...], int]:
    """A box in metres and one in degrees such that no point lies in what only one of them covers."""
    to_lambert = Transformer.from_crs(4326, 31370, always_xy=True)
    random = np.random.default_rng(7)
    for _ in range(2000):
        lon, lat = random.uniform(3.5, 5), random.uniform(50.4, 50.7)
        wide, high = random.uniform(0.2, 0.6), random.uniform(0.15, 0.4)
        degrees = (lon, lat, lon + wide, lat + high)
        outline = shapely.segmentize(shapely.box(*degrees), wide / 50)
        turned = shapely.transform(outline, lambda c: np.column_stack(to_lambert.transform(c[:, 0], c[:, 1])))
        metres = tuple(round(value, 1) for value in turned.bounds)
        strip = shapely.symmetric_difference(turned, shapely.box(*metres)).buffer(1)
        count = int(shapely.intersects(points, turned).sum())
        if count > 100 and not shapely.intersects(points, strip).any():
            return metres, degrees, count
    raise AssertionError("no such pair of boxes was found")
