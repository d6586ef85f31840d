"""Delimited text: separators, encodings, types and coordinates as people write them."""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely

from geoserver_app.settings import Settings
from ingest.read import BadSource
from tests.ingest_readers.reading import read_file
from tests.ingest_readers.test_files import write

CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("commas", "id,nom,lon,lat\n1,Huy,5.2,50.5\n", {}),
    ("semicolons", "id;nom;Longitude;Latitude\n1;Huy;5.2;50.5\n", {}),
    ("decimal commas", "id;nom;lon;lat\n1;Huy;5,2;50,5\n", {}),
    ("tabs", "id\tnom\tX\tY\n1\tHuy\t5.2\t50.5\n", {"crs": 4326}),
    ("wkt", 'id;nom;WKT_GEOM\n1;Huy;"POINT (5.2 50.5)"\n', {"crs": 4326}),
    ("ewkt", "id,nom,geom\n1,Huy,SRID=4326;POINT(5.2 50.5)\n", {}),
    ("byte order mark", "\ufeffid,nom,lon,lat\n1,Huy,5.2,50.5\n", {}),
]


@pytest.mark.parametrize(("text", "more"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_tables_are_read_however_they_are_written(
    settings: Settings, work: Path, tmp_path: Path, text: str, more: dict[str, Any]
) -> None:
    whole = read_file(write(tmp_path / "t.csv", text), settings, work, **more)
    assert whole.column("nom") == ["Huy"]
    assert whole.column("id") == [1]
    assert whole.wkt == ["POINT (5.2 50.5)"]
    assert (whole.described.srid, whole.described.geometry) == (4326, "Point")


def test_a_gzipped_table_and_one_of_an_old_spreadsheet_are_read(settings: Settings, work: Path, tmp_path: Path) -> None:
    text = "nom;lon;lat\nHélécine – cœur;4.98;50.75\n"
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(text.encode()))
    write(tmp_path / "w.csv", text, "cp1252")
    for name in ("z.csv.gz", "w.csv"):
        assert read_file(tmp_path / name, settings, work).column("nom") == ["Hélécine – cœur"]


def test_metres_without_a_crs_are_of_unknown_place(settings: Settings, work: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "a,x,y\n1,180000,130000\n")
    assert read_file(path, settings, work).described.srid is None
    assert read_file(path, settings, work, crs=31370).described.srid == 31370


def test_types_follow_from_every_value_of_a_column(settings: Settings, work: Path, tmp_path: Path) -> None:
    head = "ins;tel;n;part;vrai;jour;heure;mixte;vide;lon;lat\n"
    rows = [
        "61031;+32;5;1,5;true;2021-07-15;2021-07-15 06:00;1;;5;50\n",
        "01000;085;;2,25;FALSE;2021-07-16;2021-07-15T08:00:00+02:00;x;;5;50\n",
    ]
    whole = read_file(write(tmp_path / "t.csv", head + "".join(rows)), settings, work)
    kinds = {field.name: field.type for field in whole.described.fields}
    assert kinds == {
        "ins": "string", "tel": "string", "n": "integer", "part": "number", "vrai": "boolean", "jour": "date",
        "heure": "datetime", "mixte": "string", "vide": "string", "lon": "integer", "lat": "integer",
    }  # fmt: skip
    assert whole.column("ins") == ["61031", "01000"]
    assert whole.column("n") == [5, None]
    assert whole.column("part") == [1.5, 2.25]
    assert whole.column("heure") == [datetime(2021, 7, 15, 6, tzinfo=UTC)] * 2


def test_a_type_is_judged_by_the_last_row_too(settings: Settings, work: Path, tmp_path: Path) -> None:
    rows = "".join(f"{n};5;50\n" for n in range(1, 70_000)) + "007;5;50\n"
    whole = read_file(write(tmp_path / "t.csv", "code;lon;lat\n" + rows), settings, work)
    assert whole.type_of("code") == "string"
    assert whole.column("code")[-1] == "007"


def test_impossible_dates_and_huge_numbers_stay_text(settings: Settings, work: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "d,n,lon,lat\n2021-02-30,123456789012345678901,5,50\n")
    whole = read_file(path, settings, work)
    assert (whole.type_of("d"), whole.type_of("n")) == ("string", "string")


def test_coordinates_that_are_no_numbers_leave_the_row_without_a_geometry(
    settings: Settings, work: Path, tmp_path: Path
) -> None:
    path = write(tmp_path / "t.csv", "n,lon,lat\n1,NULL,50\n2,5,50\n3,,\n")
    assert read_file(path, settings, work).wkt == [None, "POINT (5 50)", None]


def test_quoted_separators_and_line_ends_are_part_of_the_text(settings: Settings, work: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'n,lon,lat\n"a, b\nc",5,50\n')
    assert read_file(path, settings, work).column("n") == ["a, b\nc"]


def test_a_row_with_too_many_cells_is_an_error_that_shows_it(settings: Settings, work: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "n,lon,lat\n1,5,50\n2,5,50,77\n")
    with pytest.raises(BadSource, match="Expected 3 columns, got 4"):
        read_file(path, settings, work)


def test_columns_without_name_and_content_are_left_out(settings: Settings, work: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "n;n;;lon;lat;;\n1;2;x;5;50;;\n")
    whole = read_file(path, settings, work)
    assert [field.name for field in whole.described.fields] == ["n", "n_2", "field_3", "lon", "lat"]


def test_a_row_longer_than_a_block_is_read(settings: Settings, work: Path, tmp_path: Path) -> None:
    ring = ", ".join(f"{n} {n % 2}" for n in range(500_000))
    body = f'n;wkt\n1;"LINESTRING ({ring})"\n2;"POINT (1 2)"\n'
    assert len(body) > 4 << 20
    whole = read_file(write(tmp_path / "l.csv", body), settings, work, crs=31370)
    assert shapely.get_num_coordinates(whole.shapes).tolist() == [500_000, 1]
