"""Files that reach out of themselves or would fill the disk; a listening port must hear nothing."""

import gzip
import json
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import geopandas
import pyogrio
import pytest
import shapely

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest import guard
from ingest.read import BadSource, RefusedSource, layers_of, open_source
from tests.ingest_readers.reading import read_file
from tests.ingest_readers.server import Ear
from tests.ingest_readers.test_files import GML, PLACES, POINT, write

VRT = '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{place}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


def zipped(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path


@pytest.mark.parametrize("prefix", ["", "GeoJSON:", "/vsicurl/", "/vsizip//vsicurl/", "WFS:", "OAPIF:"])
def test_an_address_is_no_file(settings: Settings, work: Path, ear: Ear, prefix: str) -> None:
    with pytest.raises(BadSource):
        guard.local_file(f"{prefix}{ear.url}/a.geojson")
    assert ear.heard() == 0


@pytest.mark.parametrize("place", ["/vsimem/a.gpkg", "/vsizip/a.zip", "PG:dbname=postgres", "nothing.gpkg"])
def test_gdal_names_that_are_no_files_are_refused(place: str) -> None:
    with pytest.raises(BadSource):
        guard.local_file(place)


@pytest.mark.parametrize("name", ["a.vrt", "a.geojson", "a.gml", "a.csv", "a.kml"])
def test_a_virtual_file_is_refused_whatever_it_is_called(
    settings: Settings, work: Path, tmp_path: Path, ear: Ear, name: str
) -> None:
    path = write(tmp_path / name, VRT.format(place=f"/vsicurl/{ear.url}/a.geojson"))
    with pytest.raises(RefusedSource, match="points at other sources"):
        read_file(path, settings, work)
    with pytest.raises(RefusedSource):
        layers_of(path)
    assert ear.heard() == 0


def test_a_virtual_file_in_a_zip_is_refused(settings: Settings, work: Path, tmp_path: Path, ear: Ear) -> None:
    body = VRT.format(place=f"/vsicurl/{ear.url}/a.geojson")
    for name in ("a.vrt", "a.gml"):
        with pytest.raises(BadSource):
            read_file(zipped(tmp_path / "v.shp.zip", **{name: body}), settings, work)
    assert ear.heard() == 0


def test_a_pipeline_of_gdal_is_refused(settings: Settings, work: Path, tmp_path: Path, ear: Ear) -> None:
    body = {"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {ear.url}/a.geojson"}
    with pytest.raises(RefusedSource):
        read_file(write(tmp_path / "p.json", json.dumps(body)), settings, work)
    assert ear.heard() == 0


@pytest.mark.parametrize(
    "body",
    [
        '{{"stac_version": "1.0.0", "links": [{{"href": "{url}"}}], "type": "FeatureCollection", "features": []}}',
        '{{"links": [{{"rel": "data", "href": "{url}/collections", "type": "application/json"}}], "collections": []}}',
        '{{"type": "FeatureCollection", "features": [], "next": "{url}/next"}}',
        '"{url}/a.geojson"',
        "{url}/a.geojson",
        "WFS:{url}/wfs",
    ],
)
def test_links_inside_a_file_are_not_followed(
    settings: Settings, work: Path, tmp_path: Path, ear: Ear, body: str
) -> None:
    path = write(tmp_path / "s.json", body.format(url=ear.url))
    with pytest.raises(BadSource):
        if read_file(path, settings, work).table.num_rows == 0:
            raise BadSource("empty, which is as good")
    assert ear.heard() == 0


@pytest.mark.parametrize("kind", ["entity", "parameter", "dtd"])
def test_external_entities_are_refused(settings: Settings, work: Path, tmp_path: Path, ear: Ear, kind: str) -> None:
    types = {
        "entity": f'<!DOCTYPE a [<!ENTITY x SYSTEM "{ear.url}/x">]>',
        "parameter": f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{ear.url}/x"> %x;]>',
        "dtd": f'<!DOCTYPE a SYSTEM "{ear.url}/a.dtd">',
    }
    body = GML.format(geometry=POINT, more="").replace("?>", f"?>{types[kind]}", 1)
    for name in ("e.gml", "e.kml"):
        with pytest.raises(RefusedSource, match="document type"):
            read_file(write(tmp_path / name, body), settings, work)
    with pytest.raises(RefusedSource, match="document type"):
        read_file(zipped(tmp_path / "e.zip", **{"e.gml": body}), settings, work)
    assert ear.heard() == 0


def test_a_document_type_hidden_in_utf_16_is_found(settings: Settings, work: Path, tmp_path: Path) -> None:
    body = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
    with pytest.raises(BadSource):
        read_file(write(tmp_path / "u.gml", body, "utf-16"), settings, work)


def test_a_document_type_behind_a_long_comment_is_found(settings: Settings, work: Path, tmp_path: Path) -> None:
    start = f"?><!--{' ' * 1_100_000}--><!DOCTYPE a>"
    body = GML.format(geometry=POINT, more="").replace("?>", start, 1)
    with pytest.raises(RefusedSource, match="document type"):
        read_file(write(tmp_path / "c.gml", body), settings, work)


def test_a_page_of_html_inside_a_description_does_no_harm(settings: Settings, work: Path, tmp_path: Path) -> None:
    text = "<description><![CDATA[<!DOCTYPE html><html>Huy</html>]]></description>"
    place = f"<Placemark><name>Huy</name>{text}<Point><coordinates>5.2,50.5</coordinates></Point></Placemark>"
    body = f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{place}</Document></kml>'
    for path in (write(tmp_path / "d.kml", body), zipped(tmp_path / "d.kmz", **{"doc.kml": body})):
        assert read_file(path, settings, work).column("Name") == ["Huy"]


def test_schemas_and_links_of_gml_are_not_fetched(settings: Settings, work: Path, tmp_path: Path, ear: Ear) -> None:
    more = f""" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xlink="http://www.w3.org/1999/xlink"
      xsi:schemaLocation="http://c.example {ear.url}/c.xsd?service=WFS&amp;request=DescribeFeatureType" """
    geometry = f'{POINT}</c:geom><c:other xlink:href="{ear.url}/o.gml#x"/><c:geom xlink:href="{ear.url}/p.gml#p">'
    path = write(tmp_path / "x.gml", GML.format(geometry=geometry, more=more))
    assert layers_of(path) == ("site",)
    assert read_file(path, settings, work).column("code") == ["0042"]
    assert ear.heard() == 0


@pytest.mark.parametrize("place", ["/etc/passwd", "file:///etc/passwd", "../../secret.xsd"])
def test_a_schema_outside_the_folder_is_refused(settings: Settings, work: Path, tmp_path: Path, place: str) -> None:
    more = f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://c.example {place}"'
    path = write(tmp_path / "x.gml", GML.format(geometry=POINT, more=more))
    with pytest.raises(RefusedSource, match="outside its folder"):
        read_file(path, settings, work)


def test_a_network_link_of_kml_is_refused(settings: Settings, work: Path, tmp_path: Path, ear: Ear) -> None:
    link = f"<NetworkLink><Link><href>{ear.url}/b.kml</href></Link></NetworkLink>"
    body = f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{link}</Document></kml>'
    with pytest.raises(RefusedSource, match="includes other documents"):
        read_file(write(tmp_path / "n.kml", body), settings, work)
    assert ear.heard() == 0


@pytest.mark.parametrize("name", ["../evil.csv", "/evil.csv", "a/../../evil.csv", "..\\evil.csv", "C:\\evil.csv"])
def test_a_zip_that_would_write_outside_its_folder_is_refused(
    settings: Settings, work: Path, tmp_path: Path, name: str
) -> None:
    path = zipped(tmp_path / "e.zip", **{name: "n,lon,lat\n1,5,50\n"})
    with pytest.raises(RefusedSource, match="outside its folder"):
        read_file(path, settings, work)
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_in_a_zip_is_refused(settings: Settings, work: Path, tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "l.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(RefusedSource, match="a link or a device"):
        read_file(tmp_path / "l.zip", settings, work)


def test_bombs_are_refused_before_they_go_off(settings: Settings, work: Path, tmp_path: Path) -> None:
    zeros = b"0" * 60_000_000
    path = zipped(tmp_path / "b.zip", **{"a.csv": zeros})
    assert path.stat().st_size < 100_000
    with pytest.raises(RefusedSource, match="grows"):
        read_file(path, settings, work)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(zeros))
    with pytest.raises(RefusedSource, match="unpacks to more"):
        read_file(tmp_path / "b.csv.gz", settings, work)
    small = replace(settings, source_unpacked_bytes_max=1_000)
    with pytest.raises(RefusedSource, match="MAILLAGE_SOURCE_UNPACKED_BYTES_MAX"):
        read_file(zipped(tmp_path / "c.zip", **{"a.csv": b"n,lon,lat\n" * 1_000}), small, work)
    assert not work.exists() or list(work.iterdir()) == []


@pytest.mark.parametrize(
    "body", [b"PK\x03\x04 cut", b"\x1f\x8b cut", b"", b"\x00\x01\x02", b"SQLite format 3\x00", b"PAR1"]
)
def test_rubbish_is_an_error_and_no_crash(settings: Settings, work: Path, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "r.bin").write_bytes(body)
    with pytest.raises(BadSource):
        read_file(tmp_path / "r.bin", settings, work)


def test_the_drivers_come_back_after_a_source_was_opened(settings: Settings, work: Path, tmp_path: Path) -> None:
    before = set(pyogrio.list_drivers())
    PLACES.to_file(tmp_path / "a.gpkg")
    read_file(tmp_path / "a.gpkg", settings, work)
    assert set(pyogrio.list_drivers()) == before
    with guard.only_safe_drivers():
        assert set(pyogrio.list_drivers()) <= set(guard.DRIVERS)
        with pytest.raises(pyogrio.errors.DataSourceError):
            pyogrio.read_info(write(tmp_path / "a.vrt", VRT.format(place=tmp_path / "a.gpkg")))


def test_memory_does_not_grow_with_the_file(settings: Settings, work: Path, tmp_path: Path) -> None:
    count = 300_000
    frame = geopandas.GeoDataFrame(
        {"n": range(count), "text": "x" * 200}, geometry=shapely.points(range(count), 0), crs=31370
    )
    frame.to_file(tmp_path / "big.fgb", SPATIAL_INDEX="NO")
    del frame
    with open_source(Source("file", str(tmp_path / "big.fgb")), settings, work=work) as reader:
        batches = reader.batches(5_000)
        read = next(batches).num_rows
        start = resident()
        most = start
        for batch in batches:
            read += batch.num_rows
            most = max(most, resident())
    assert read == count
    assert (tmp_path / "big.fgb").stat().st_size > 80_000_000
    assert most - start < 40_000_000


def resident() -> int:
    """Bytes of memory this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
