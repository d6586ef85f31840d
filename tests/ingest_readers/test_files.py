"""Small files of every kind, made here, whose content is known to the letter."""

import json
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from geoserver_app.core.errors import BadParameter
from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.read import BadSource, SourceChanged, layers_of
from tests.ingest_readers.reading import read_all, read_file
from tests.ingest_readers.server import Answer, serving

PLACES = geopandas.GeoDataFrame(
    {"nom": ["Huy", "Hélécine"], "code": ["061", "064"], "haut": [1, 2]},
    geometry=[shapely.Point(5.2, 50.5), shapely.Point(4.98, 50.75)],
    crs=4326,
)

GML = """<?xml version="1.0"?>
<c:all xmlns:c="http://c.example" xmlns:gml="http://www.opengis.net/gml/3.2"{more}>
 <c:member><c:site gml:id="s1"><c:code>0042</c:code><c:rang>7</c:rang>
  <c:geom>{geometry}</c:geom></c:site></c:member>
</c:all>"""
POINT = '<gml:Point gml:id="p" srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>50.5 5.2</gml:pos></gml:Point>'


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("a.gpkg", "GPKG"),
        ("a.geojson", "GeoJSON"),
        ("a.fgb", "FlatGeobuf"),
        ("a.shp", "ESRI Shapefile"),
        ("a.kml", "KML"),
    ],
)
def test_each_format_gives_the_same_rows(
    settings: Settings, work: Path, tmp_path: Path, name: str, driver: str
) -> None:
    frame = PLACES.rename(columns={"nom": "Name"}) if driver == "KML" else PLACES
    frame.to_file(tmp_path / name, driver=driver)
    whole = read_file(tmp_path / name, settings, work)
    assert whole.column("Name" if driver == "KML" else "nom") == ["Huy", "Hélécine"]
    assert whole.wkt == ["POINT (5.2 50.5)", "POINT (4.98 50.75)"]
    assert whole.described.srid == 4326
    if driver != "KML":
        assert whole.column("code") == ["061", "064"]
        assert whole.column("haut") == [1, 2]


def test_geoparquet_is_read_with_its_crs(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.to_crs(31370).to_parquet(tmp_path / "a.parquet", write_covering_bbox=True)
    whole = read_file(tmp_path / "a.parquet", settings, work)
    assert [field.name for field in whole.described.fields] == ["nom", "code", "haut"]
    assert (whole.described.srid, whole.described.geometry, whole.described.count) == (31370, "Point", 2)


def test_geoparquet_without_a_crs_is_in_degrees_and_with_a_null_one_unknown(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    for crs, expected in ((None, None), ("absent", 4326)):
        column = {"encoding": "WKB", "geometry_types": ["Point"], **({} if crs == "absent" else {"crs": None})}
        geo = json.dumps({"version": "1.1.0", "primary_column": "g", "columns": {"g": column}})
        table = pa.table({"a": [1], "g": pa.array([shapely.Point(1, 2).wkb])}).replace_schema_metadata({"geo": geo})
        pq.write_table(table, tmp_path / "b.parquet")
        assert read_file(tmp_path / "b.parquet", settings, work).described.srid == expected


def test_nested_coordinates_of_geoparquet_become_wkb(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.to_parquet(tmp_path / "n.parquet", geometry_encoding="geoarrow")
    whole = read_file(tmp_path / "n.parquet", settings, work)
    assert whole.wkt == ["POINT (5.2 50.5)", "POINT (4.98 50.75)"]


def test_lists_and_times_become_the_types_we_know(settings: Settings, work: Path, tmp_path: Path) -> None:
    column = {"encoding": "WKB", "geometry_types": []}
    geo = json.dumps({"version": "1.1.0", "primary_column": "g", "columns": {"g": column}})
    table = pa.table(
        {
            "tags": [["é", "b"]],
            "kind": pa.array(["x"]).dictionary_encode(),
            "small": pa.array([3], pa.int16()),
            "day": [date(2021, 7, 15)],
            "noon": pa.array([datetime(2021, 7, 15, 12)], pa.timestamp("ns")),
            "blob": [b"\x00"],
            "g": [shapely.Point(1, 2).wkb],
        }
    ).replace_schema_metadata({"geo": geo})
    pq.write_table(table, tmp_path / "t.parquet")
    whole = read_file(tmp_path / "t.parquet", settings, work)
    row = whole.table.drop_columns(["__geometry__"]).to_pylist()[0]
    noon = datetime(2021, 7, 15, 12, tzinfo=UTC)
    expected = {"tags": '["é", "b"]', "kind": "x", "small": 3, "day": date(2021, 7, 15), "noon": noon, "__key__": "1"}
    assert row == expected


def test_a_legacy_crs_member_of_geojson_counts(settings: Settings, work: Path, tmp_path: Path) -> None:
    feature = {
        "type": "Feature",
        "properties": {"n": 1},
        "geometry": {"type": "Point", "coordinates": [180000, 130000]},
    }
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::31370"}}
    body = json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]})
    whole = read_file(write(tmp_path / "l.geojson", body), settings, work)
    assert whole.described.srid == 31370
    assert whole.wkt == ["POINT (180000 130000)"]


def test_heights_are_left_behind(settings: Settings, work: Path, tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"n": [1]}, geometry=[shapely.LineString([(0, 0, 5), (1, 1, 6)])], crs=4326)
    frame.to_file(tmp_path / "z.gpkg")
    whole = read_file(tmp_path / "z.gpkg", settings, work)
    assert whole.wkt == ["LINESTRING (0 0, 1 1)"]
    assert whole.described.geometry == "LineString"


def test_single_and_multiple_parts_have_a_multiple_type_in_common(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    box = shapely.box(0, 0, 1, 1)
    shapes = [box, shapely.MultiPolygon([box, shapely.box(2, 2, 3, 3)])]
    geopandas.GeoDataFrame({"n": [1, 2]}, geometry=shapes, crs=4326).to_parquet(tmp_path / "m.parquet")
    assert read_file(tmp_path / "m.parquet", settings, work).described.geometry == "MultiPolygon"


def test_the_state_of_a_zip_decides_which_shapefile_is_read(settings: Settings, work: Path, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    PLACES.to_file(folder / "un.shp")
    PLACES.iloc[:1].to_file(folder / "deux.shp")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for member in sorted(folder.iterdir()):
            archive.write(member, f"dossier/{member.name}")
    assert layers_of(tmp_path / "two.zip") == ("deux", "un")
    assert read_file(tmp_path / "two.zip", settings, work, layer="deux").table.num_rows == 1
    with pytest.raises(BadSource, match="several layers: deux, un"):
        read_file(tmp_path / "two.zip", settings, work)
    assert list(work.iterdir()) == []


def test_a_layer_of_a_geopackage_in_a_zip_is_named_directly(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.to_file(tmp_path / "p.gpkg", layer="un")
    PLACES.iloc[:1].to_file(tmp_path / "p.gpkg", layer="deux")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.write(tmp_path / "p.gpkg", "p.gpkg")
    assert layers_of(tmp_path / "p.zip") == ("un", "deux")
    assert read_file(tmp_path / "p.zip", settings, work, layer="deux").table.num_rows == 1


def test_a_view_of_a_geopackage_is_a_layer(settings: Settings, work: Path, tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "v.gpkg"
    PLACES.to_file(path, layer="lieux")
    with sqlite3.connect(path) as database:
        database.execute("CREATE VIEW huy AS SELECT fid AS OGC_FID, geom, nom FROM lieux WHERE nom = 'Huy'")
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "
            "VALUES ('huy', 'features', 'huy', 4326)"
        )
        database.execute("INSERT INTO gpkg_geometry_columns VALUES ('huy', 'geom', 'POINT', 4326, 0, 0)")
    database.close()
    assert set(layers_of(path)) == {"lieux", "huy"}
    assert read_file(path, settings, work, layer="huy").column("nom") == ["Huy"]


def test_a_latin_shapefile_without_cpg_is_read_with_the_encoding_that_is_told(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    PLACES.to_file(tmp_path / "l.shp", encoding="cp850")
    (tmp_path / "l.cpg").unlink(missing_ok=True)
    assert read_file(tmp_path / "l.shp", settings, work, encoding="cp850").column("nom") == ["Huy", "Hélécine"]


def test_the_encoding_that_a_shapefile_states_is_honoured(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.to_file(tmp_path / "i.shp", encoding="ISO-8859-1")
    assert (tmp_path / "i.cpg").read_text() == "ISO-8859-1"
    assert b"H\xe9l\xe9cine" in (tmp_path / "i.dbf").read_bytes()
    assert read_file(tmp_path / "i.shp", settings, work).column("nom") == ["Huy", "Hélécine"]


def test_text_that_is_not_in_the_encoding_claimed_is_an_error_with_a_remedy(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    PLACES.to_file(tmp_path / "l.shp", encoding="ISO-8859-1")
    (tmp_path / "l.cpg").write_text("UTF-8")
    with pytest.raises(BadSource, match="give --encoding ISO-8859-1"):
        read_file(tmp_path / "l.shp", settings, work)


@pytest.mark.parametrize(("where", "kept"), [("nom = 'Huy'", ["Huy"]), ("haut > 1", ["Hélécine"]), ("haut > 5", [])])
def test_a_filter_keeps_some_rows_and_their_numbers(
    settings: Settings, work: Path, tmp_path: Path, where: str, kept: list[str]
) -> None:
    PLACES.to_file(tmp_path / "w.fgb", SPATIAL_INDEX="NO")
    whole = read_file(tmp_path / "w.fgb", settings, work, where=where)
    if not kept:
        assert whole.batches == []
        return
    assert whole.column("nom") == kept
    assert whole.keys == [{"Huy": "1", "Hélécine": "2"}[name] for name in kept]


def test_the_key_is_the_field_that_is_named(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.to_file(tmp_path / "k.geojson")
    assert read_file(tmp_path / "k.geojson", settings, work, key="code").keys == ["061", "064"]
    with pytest.raises(BadSource, match=r"no field 'insee'.*nom, code, haut"):
        read_file(tmp_path / "k.geojson", settings, work, key="insee")


def test_a_likely_key_counts_only_if_it_tells_all_rows_apart(settings: Settings, work: Path, tmp_path: Path) -> None:
    for values, expected in (([7, 8], "OBJECTID"), ([7, 7], None)):
        PLACES.assign(OBJECTID=values).to_file(tmp_path / "o.fgb")
        assert read_file(tmp_path / "o.fgb", settings, work).described.key == expected


def test_a_gml_file_keeps_leading_zeros_and_turns_its_axes(settings: Settings, work: Path, tmp_path: Path) -> None:
    whole = read_file(write(tmp_path / "g.gml", GML.format(geometry=POINT, more="")), settings, work)
    assert whole.column("code") == ["0042"]
    assert whole.column("rang") == [7]
    assert whole.wkt == ["POINT (5.2 50.5)"]
    assert (whole.described.key, whole.keys, whole.described.geometry) == ("gml_id", ["s1"], "Point")
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".gfs", ".xsd")] == []


def test_arcs_become_straight_lines(settings: Settings, work: Path, tmp_path: Path) -> None:
    arc = """<gml:Curve gml:id="c" srsName="urn:ogc:def:crs:EPSG::31370"><gml:segments><gml:ArcString>
    <gml:posList>0 0 1 1 2 0</gml:posList></gml:ArcString></gml:segments></gml:Curve>"""
    whole = read_file(write(tmp_path / "c.gml", GML.format(geometry=arc, more="")), settings, work)
    shape = whole.shapes[0]
    assert shape.geom_type == "LineString"
    assert len(shape.coords) > 10
    assert shape.length == pytest.approx(3.14159, abs=0.01)


def test_a_damaged_file_is_an_error_that_names_it(settings: Settings, work: Path, tmp_path: Path) -> None:
    many = geopandas.GeoDataFrame({"n": range(2000)}, geometry=shapely.points(range(2000), 0), crs=4326)
    many.to_file(tmp_path / "d.fgb", SPATIAL_INDEX="NO")
    body = (tmp_path / "d.fgb").read_bytes()
    (tmp_path / "d.fgb").write_bytes(body[: len(body) // 2])
    with pytest.raises((BadSource, SourceChanged), match=r"d\.fgb"):
        read_file(tmp_path / "d.fgb", settings, work)


def test_batches_are_no_larger_than_asked(settings: Settings, work: Path, tmp_path: Path) -> None:
    many = geopandas.GeoDataFrame({"n": range(25)}, geometry=shapely.points(range(25), 0), crs=4326)
    many.to_file(tmp_path / "b.fgb")
    many.to_parquet(tmp_path / "b.parquet")
    write(tmp_path / "b.csv", "n,lon,lat\n" + "".join(f"{n},{n},0\n" for n in range(25)))
    for name in ("b.fgb", "b.parquet", "b.csv"):
        whole = read_file(tmp_path / name, settings, work, rows=10)
        assert whole.batches == [10, 10, 5]


def test_a_file_on_a_web_server_is_fetched_and_read(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.to_file(tmp_path / "k.geojson")
    body = (tmp_path / "k.geojson").read_bytes()
    with serving(lambda asked: Answer(body)) as site:
        whole = read_all(Source("file", f"{site.url}/data/k.geojson"), settings, work)
    assert whole.column("nom") == ["Huy", "Hélécine"]
    assert list(work.iterdir()) == []


def test_a_file_can_stand_in_for_a_service(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.to_file(tmp_path / "stand_in.geojson")
    source = Source("arcgis", "http://unused.invalid/MapServer/3", layer="3", key="code", crs=31370, where="haut >= 2")
    whole = read_all(source, settings, work, override=str(tmp_path / "stand_in.geojson"))
    assert whole.keys == ["064"]
    assert whole.described.srid == 4326


def test_a_layer_file_may_correct_the_crs_of_its_file(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.to_file(tmp_path / "c.gpkg")
    assert read_file(tmp_path / "c.gpkg", settings, work, crs=4258).described.srid == 4258


def test_mixed_geojson_is_looked_through_for_its_type(settings: Settings, work: Path, tmp_path: Path) -> None:
    box = shapely.box(0, 0, 1, 1)
    shapes = [box, shapely.MultiPolygon([box, shapely.box(2, 2, 3, 3)]), None]
    geopandas.GeoDataFrame({"n": [1, 2, 3]}, geometry=shapes, crs=4326).to_file(tmp_path / "m.geojson")
    whole = read_file(tmp_path / "m.geojson", settings, work)
    assert whole.described.geometry == "MultiPolygon"
    assert [shape and shape.geom_type for shape in whole.shapes] == ["Polygon", "MultiPolygon", None]


def test_a_file_geodatabase_in_a_zip_is_read(settings: Settings, work: Path, tmp_path: Path) -> None:
    PLACES.drop(columns="haut").to_file(tmp_path / "d.gdb", driver="OpenFileGDB", layer="lieux")
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for member in sorted((tmp_path / "d.gdb").iterdir()):
            archive.write(member, f"d.gdb/{member.name}")
    assert layers_of(tmp_path / "d.zip") == ("lieux",)
    whole = read_file(tmp_path / "d.zip", settings, work)
    assert whole.column("nom") == ["Huy", "Hélécine"]
    assert (whole.described.key, whole.keys) == ("OBJECTID", ["1", "2"])


def accented(folder: Path) -> Path:
    """A shapefile whose column name is written in ISO-8859-1, and which does not say so."""
    frame = geopandas.GeoDataFrame({"Debit": ["Huy"]}, geometry=[shapely.Point(5, 50)], crs=4326)
    frame.to_file(folder / "a.shp", encoding="ISO-8859-1")
    table = bytearray((folder / "a.dbf").read_bytes().replace(b"Debit", "Débit".encode("latin-1")))
    table[29] = 0  # the code page
    (folder / "a.dbf").write_bytes(table)
    (folder / "a.cpg").unlink()
    return folder / "a.shp"


def test_column_names_in_another_encoding_ask_for_it(settings: Settings, work: Path, tmp_path: Path) -> None:
    file = accented(tmp_path)
    with pytest.raises(BadSource, match=r"the column names of a\.shp are not UTF-8; give --encoding ISO-8859-1"):
        read_file(file, settings, work)
    with pytest.raises(BadSource, match=r"the column names of a\.shp are not utf8; give --encoding"):
        read_file(file, settings, work, encoding="utf8")
    assert read_file(file, settings, work, encoding="latin_1").column("Débit") == ["Huy"]


@pytest.mark.parametrize("name", ["klingon", "hex"])
def test_an_unknown_encoding_is_named(settings: Settings, work: Path, tmp_path: Path, name: str) -> None:
    for file in (accented(tmp_path), write(tmp_path / "a.csv", "lon,lat\n5,50\n")):
        with pytest.raises(BadSource, match=f"'{name}' is not an encoding"):
            read_file(file, settings, work, encoding=name)


@pytest.mark.parametrize(
    ("column", "values", "doubt"),
    [
        ("id", [1, 1, 2, 2, 3], " (field 'id' repeats 2 values)"),
        ("OBJECTID", [7, 7, 1, 2, 3], " (field 'OBJECTID' repeats 1 value)"),
        ("id", ["a", None, "b", "c", "d"], " (field 'id' is empty in some rows)"),
        ("nom", ["a", "b", "c", "d", "e"], ""),
    ],
)
def test_a_file_without_a_key_says_why_and_what_follows(
    settings: Settings, work: Path, tmp_path: Path, column: str, values: list[object], doubt: str
) -> None:
    frame = geopandas.GeoDataFrame({column: values}, geometry=[shapely.Point(n, 50) for n in range(5)], crs=4326)
    frame.to_file(tmp_path / "k.fgb", driver="FlatGeobuf")
    described = read_file(tmp_path / "k.fgb", settings, work).described
    assert described.key is None
    expected = f"no unique key was found{doubt}; rows are numbered by position, so ids may move between loads"
    assert described.note == expected
    frame.assign(id=range(5)).drop(columns=[column] if column != "id" else []).to_file(tmp_path / "u.fgb")
    assert read_file(tmp_path / "u.fgb", settings, work).described.note == ""


def test_a_zip_that_lacks_a_part_or_any_layer_says_what_is_in_it(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    PLACES.to_file(tmp_path / "a.shp")
    for name, members in (("no_shx.zip", ("a.shp", "a.dbf")), ("none.zip", ("a.prj", "a.dbf"))):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for member in members:
                archive.write(tmp_path / member, member)
    with pytest.raises(BadSource, match=r"^no_shx\.zip lacks a\.shx, without which a\.shp cannot be read$"):
        read_file(tmp_path / "no_shx.zip", settings, work)
    with pytest.raises(BadSource, match=r"^none\.zip holds no file that is read; in it are a\.prj, a\.dbf$"):
        read_file(tmp_path / "none.zip", settings, work)


def test_a_wfs_source_without_a_feature_type_says_where_to_write_it(settings: Settings, work: Path) -> None:
    with pytest.raises(BadSource, match=r"write it as `layer` in \[source\]"):
        read_all(Source("wfs", "http://localhost/wfs"), settings, work)


@pytest.mark.parametrize("where", ["nom =", "name = 'Huy'"])
def test_a_mistake_in_where_is_told_as_one(settings: Settings, work: Path, tmp_path: Path, where: str) -> None:
    PLACES.to_file(tmp_path / "a.gpkg")
    with pytest.raises(BadParameter, match=r"^--where \(`where` in \[source\]\): "):
        read_file(tmp_path / "a.gpkg", settings, work, where=where)


def test_a_damaged_file_in_a_zip_is_told_of_without_temporary_paths(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.gpkg").write_bytes(b"SQLite format 3\x00" + bytes(5000))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.gpkg", "a.gpkg")
    with pytest.raises(BadSource, match=r"^a\.gpkg cannot be read") as told:
        read_file(tmp_path / "a.zip", settings, work)
    assert str(tmp_path) not in str(told.value)
