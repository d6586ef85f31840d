"""Whole layers as files, read back by GDAL."""

import asyncio
import csv
import io
from pathlib import Path

import httpx
import pyogrio
import pytest
import shapely
from pyproj import CRS

from geoserver_app.store.loading import connect_owner
from tests.conftest import TestDatabase, application

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


async def download(web: httpx.AsyncClient, folder: Path, layer: str, name: str, **parameters: str) -> Path:
    answer = await web.get(f"/ogc/collections/{layer}/items", params={"f": name, **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="{layer}.{name}"'
    path = folder / f"{layer}.{name}"
    path.write_bytes(answer.content)
    return path


@pytest.mark.parametrize("name", ["csv", "fgb", "gpkg"])
async def test_a_download_holds_the_whole_layer(web: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    path = await download(web, tmp_path, "grid", name)
    assert pyogrio.read_info(path)["features"] == 2_500


@pytest.mark.parametrize("name", ["fgb", "gpkg"])
async def test_files_keep_system_fields_types_and_geometry(web: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    path = await download(web, tmp_path, "hydrants", name, crs=f"{EPSG}31370")
    info = pyogrio.read_info(path)
    assert CRS(info["crs"]).to_epsg() == 31370
    assert info["geometry_type"] == "Point"
    assert set(info["fields"]) - {"fid"} == {
        "name", "kind", "flow", "pressure", "working", "checked", "seen", "exercise",
    }  # fmt: skip
    rows = {row["pressure"]: row for row in pyogrio.read_arrow(path, return_fids=name == "gpkg")[1].to_pylist()}
    first = rows[-1.5]
    assert first["flow"] == 9_007_199_254_740_993
    assert first["exercise"] is True
    shape = shapely.from_wkb(first["wkb_geometry" if "wkb_geometry" in first else "geom"])
    assert (shape.x, shape.y) == pytest.approx((223036.44, 141540.51), abs=0.01)
    assert first["fid"] == 5


async def test_a_geopackage_of_areas_in_degrees_is_as_stored(web: httpx.AsyncClient, tmp_path: Path) -> None:
    path = await download(web, tmp_path, "areas", "gpkg")
    info = pyogrio.read_info(path)
    assert info["geometry_type"] == "MultiPolygon"
    assert CRS(info["crs"]).to_epsg() == 4326
    assert list(pyogrio.read_dataframe(path).to_crs(31370).area.round(-2)) == [1_000_000.0] * 4


@pytest.mark.parametrize("name", ["csv", "fgb", "gpkg"])
async def test_downloads_obey_filter_box_order_and_limit(web: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    found = await download(web, tmp_path, "hydrants", name, filter="flow = 500", bbox="5.3,50,6,51")
    assert list(pyogrio.read_dataframe(found)["name"]) == ["O'Hara 100%"]
    some = await download(web, tmp_path, "grid", name, limit="7", sortby="-n", properties="n")
    assert sorted(map(int, pyogrio.read_dataframe(some)["n"])) == list(range(2493, 2500))
    none = await download(web, tmp_path, "grid", name, filter="n < 0")
    assert len(pyogrio.read_dataframe(none)) == 0


async def test_a_download_may_be_longer_than_the_longest_page(web: httpx.AsyncClient) -> None:
    answer = await web.get("/ogc/collections/grid/items?f=csv&limit=1700")
    assert answer.text.count("\r\n") == 1 + 1_700


async def test_csv_quotes_what_must_be_and_tells_null_from_nothing(site: TestDatabase, web: httpx.AsyncClient) -> None:
    answer = await web.get("/ogc/collections/hydrants/items?f=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = list(csv.reader(io.StringIO(answer.text)))
    assert lines[0] == ["id", "name", "kind", "flow", "pressure", "working", "checked", "seen", "exercise",
                        "longitude", "latitude"]  # fmt: skip
    assert lines[1] == ["1", "Éclair", "pillar", "1000", "4.5", "true", "2024-01-01", "2024-01-01T12:00:00.000Z",
                        "false", "5.2000000", "50.5000000"]  # fmt: skip
    assert lines[5][1:4] == ["", "", "9007199254740993"]
    with connect_owner(site.owner_url) as connection:
        for text in ('a,"b"', "two\nlines", "", " blank "):
            connection.execute("UPDATE reference.grid_p1 SET label = %s WHERE fid = 1", (text,))
            connection.commit()
            got = await web.get("/ogc/collections/grid/items?f=csv&limit=1")
            assert list(csv.reader(io.StringIO(got.text, newline="")))[1][2] == text
            assert ',"",' in got.text or text
        connection.execute("UPDATE reference.grid_p1 SET label = NULL WHERE fid = 1")


async def test_a_file_too_many_is_a_503_that_says_when(web: httpx.AsyncClient) -> None:
    address = "/ogc/collections/hydrants/items?f=gpkg"
    answers = await asyncio.gather(*(web.get(address) for _ in range(5)))
    assert sorted({answer.status_code for answer in answers}) == [200, 503]
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert busy.headers["retry-after"]
    assert (await web.get(address)).status_code == 200


@pytest.mark.parametrize("name", ["json", "csv", "fgb", "gpkg"])
async def test_a_table_that_is_gone_is_a_report_and_not_half_a_file(site: TestDatabase, name: str) -> None:
    async with application(site.settings) as client:
        with connect_owner(site.owner_url) as connection:
            connection.execute("ALTER TABLE reference.areas_p1 RENAME TO gone")
        try:
            answer = await client.get(f"/ogc/collections/areas/items?f={name}")
        finally:
            with connect_owner(site.owner_url) as connection:
                connection.execute("ALTER TABLE reference.gone RENAME TO areas_p1")
    assert answer.status_code >= 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "areas_p1" not in answer.text
