"""The clients people use read every layer, all of it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pyogrio
import pytest
from owslib.ogcapi.features import Features

COUNTS = {"hydrants": 5, "grid": 2_500, "areas": 4}
QGIS_PYTHON = Path("/usr/bin/python3")


def test_owslib_reads_every_layer(served: str) -> None:
    service = Features(f"{served}/ogc")
    assert set(service.feature_collections()) == set(COUNTS)
    assert len(service.conformance()["conformsTo"]) > 20
    for name, count in COUNTS.items():
        assert service.collection(name)["id"] == name
        assert "flow" in service.collection_queryables("hydrants")["properties"]
        page = service.collection_items(name, limit=1)
        assert (page["numberMatched"], page["numberReturned"]) == (count, 1)
        assert service.collection_item(name, str(page["features"][0]["id"]))["type"] == "Feature"
    boxed = service.collection_items("hydrants", bbox=[5.19, 50.49, 5.26, 50.53])
    assert [feature["id"] for feature in boxed["features"]] == [1, 2]
    chosen = service.collection_items("hydrants", filter="flow = 500", sortby="-name")
    assert chosen["numberMatched"] == 2


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_gdal_reads_every_layer(served: str, name: str, count: int) -> None:
    source = f"OAPIF:{served}/ogc"
    assert set(pyogrio.list_layers(source)[:, 0]) == set(COUNTS)
    assert pyogrio.read_info(source, layer=name, force_feature_count=True)["features"] == count
    frame = pyogrio.read_dataframe(source, layer=name)
    assert len(frame) == count
    assert frame.geometry.notna().all()


def test_gdal_passes_its_filters_on(served: str) -> None:
    source = f"OAPIF:{served}/ogc"
    assert len(pyogrio.read_dataframe(source, layer="grid", where="n < 700")) == 700
    # GDAL speaks the storage CRS where Part 2 offers it.
    boxed = pyogrio.read_dataframe(source, layer="hydrants", bbox=(208300, 131300, 213200, 135900))
    assert boxed.crs.to_epsg() == 31370
    assert len(boxed) == 2


def missing(what: str) -> None:
    """Skip, or fail where the clients were meant to be installed."""
    if os.environ.get("MAILLAGE_TEST_CLIENTS"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.mark.clients
@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_ogrinfo_reads_every_layer(served: str, name: str, count: int) -> None:
    if not shutil.which("ogrinfo"):
        missing("ogrinfo is not installed: apt-get install gdal-bin")
    told = subprocess.run(
        ["ogrinfo", "-ro", "-al", f"OAPIF:{served}/ogc", name], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert told.count(f"OGRFeature({name}):") == count


@pytest.mark.clients
def test_qgis_reads_every_layer(served: str, tmp_path: Path) -> None:
    if subprocess.run([QGIS_PYTHON, "-c", "import qgis.core"], capture_output=True, check=False).returncode:
        missing("QGIS is not installed: apt-get install python3-qgis")
    script = Path(__file__).with_name("qgis_layers.py")
    done = subprocess.run(
        [QGIS_PYTHON, script, f"{served}/ogc", *COUNTS],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.stdout.strip(), done.stderr[-2000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    for name, count in COUNTS.items():
        assert found[name].get("count") == count, found[name]
        assert found[name]["told"] == count
        assert found[name]["valid"]
    assert 0 < found["grid"]["west"] < 2_500
    assert found["grid"]["subset"] == 500
