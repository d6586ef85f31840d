"""WKB heads and column types, on values written by hand."""

import numpy as np
import pyarrow as pa
import pytest
import shapely

from ingest import columns
from ingest.crs import srid_of, srid_of_wkid
from ingest.source import BadSource

POINT_Z = shapely.Point(1, 2, 3)


def wkb(*values: bytes | None) -> pa.Array:
    return pa.array(values, pa.binary())


def test_types_are_read_in_either_byte_order_and_dialect() -> None:
    given = [
        shapely.to_wkb(POINT_Z, flavor="iso"),
        shapely.to_wkb(POINT_Z, flavor="extended"),
        shapely.to_wkb(shapely.Point(1, 2), byte_order=0),
        shapely.to_wkb(shapely.box(0, 0, 1, 1)),
        None,
        b"\x01",
        shapely.to_wkb(shapely.set_srid(shapely.Point(1, 2), 4326), include_srid=True),
    ]
    assert columns.wkb_types(wkb(*given)).tolist() == [1001, 1001, 1, 3, 0, 0, 1]
    assert columns.wkb_types(wkb(*given).slice(3, 3)).tolist() == [3, 0, 0]
    assert columns.wkb_types(wkb()).tolist() == []


def test_heights_and_srids_go_and_what_cannot_be_parsed_stays() -> None:
    broken = b"\x01\xeb\x03\x00\x00\x01"
    given = wkb(shapely.to_wkb(POINT_Z), broken, None, shapely.to_wkb(shapely.set_srid(POINT_Z, 1), include_srid=True))
    flat = columns.flat(given).to_pylist()
    assert flat == [shapely.Point(1, 2).wkb, broken, None, shapely.Point(1, 2).wkb]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([1], "Point"),
        ([1, 1001, 0], "Point"),
        ([2, 5], "MultiLineString"),
        ([6], "MultiPolygon"),
        ([1, 2], "Geometry"),
        ([7], "Geometry"),
        ([], "Geometry"),
    ],
)
def test_the_common_type_fits_every_row_and_no_more(types: list[int], expected: str) -> None:
    assert columns.common_geometry(types) == expected


def test_what_no_database_could_hold_is_left_out() -> None:
    assert columns.cast(pa.array([1.5, np.nan, np.inf, None]), "number").to_pylist() == [1.5, None, None, None]
    assert columns.cast(pa.array(["a\x00b", None]), "string").to_pylist() == ["ab", None]
    with pytest.raises(BadSource, match="no integer"):
        columns.cast(pa.array([2**64 - 1], pa.uint64()), "integer")


def test_keys_that_are_whole_numbers_are_written_without_a_fraction() -> None:
    assert columns.as_text(pa.array([278.0, None])).to_pylist() == ["278", None]
    assert columns.as_text(pa.array([1.5])).to_pylist() == ["1.5"]


@pytest.mark.parametrize(
    ("text", "srid"),
    [
        ("EPSG:31370", 31370),
        ("OGC:CRS84", 4326),
        ("urn:ogc:def:crs:EPSG::3812", 3812),
        ("EPSG:31370+5710", 31370),
        ("EPSG:4979", 4326),
        ("nonsense", None),
        ("", None),
        (
            'PROJCS["Belge_Lambert_1972",GEOGCS["GCS_Belge 1972",DATUM["D_Belge_1972",SPHEROID["International_1924",'
            '6378388,297]],PRIMEM["Greenwich",0],UNIT["Degree",0.017453292519943295]],'
            'PROJECTION["Lambert_Conformal_Conic"],PARAMETER["standard_parallel_1",49.83333333333334],'
            'PARAMETER["standard_parallel_2",51.16666666666666],PARAMETER["latitude_of_origin",90],'
            'PARAMETER["central_meridian",4.367486666666666],PARAMETER["false_easting",150000.01256],'
            'PARAMETER["false_northing",5400088.4378],UNIT["Meter",1]]',
            31370,
        ),
    ],
)
def test_crss_are_recognised_however_they_are_written(text: str, srid: int | None) -> None:
    assert srid_of(text) == srid


def test_esri_numbers_are_translated() -> None:
    assert srid_of_wkid({"wkid": 102100, "latestWkid": 3857}) == 3857
    assert srid_of_wkid({"wkid": 102199}) == 3812
    assert srid_of_wkid({"wkid": 31370}) == 31370
    assert srid_of_wkid({}) is None
