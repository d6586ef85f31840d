"""GeoParquet, row group by row group, through pyarrow: the wheels' GDAL has no Parquet driver."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from geoserver_app.core.layer import FieldType, GeometryType
from ingest import columns
from ingest.crs import srid_of
from ingest.readers.base import FileReader, Outline
from ingest.source import GEOMETRY, BadSource, Batch

_WKB_NAMES = ("geometry", "geom", "wkb", "wkb_geometry")
_NATIVE = {
    "point": shapely.GeometryType.POINT,
    "linestring": shapely.GeometryType.LINESTRING,
    "polygon": shapely.GeometryType.POLYGON,
    "multipoint": shapely.GeometryType.MULTIPOINT,
    "multilinestring": shapely.GeometryType.MULTILINESTRING,
    "multipolygon": shapely.GeometryType.MULTIPOLYGON,
}
"""Encodings of GeoParquet 1.1 that are nested coordinates instead of WKB."""


class ParquetFile(FileReader):
    """GeoParquet 1.0 and 1.1; a plain Parquet file with a binary column named geometry is taken too."""

    formats: ClassVar[frozenset[str]] = frozenset({"parquet"})

    @classmethod
    def layers(cls, path: Path, format_: str) -> tuple[str, ...]:
        return (path.stem,)

    def outline(self) -> Outline:
        with self._open() as file:
            schema = file.schema_arrow
            name, meta = _geometry_column(schema, self.path.name)
            types: dict[str, FieldType] = {}
            covering = _covering(meta)
            for field in schema:
                kind = columns.field_type(field.type)
                if field.name not in (name, covering) and kind is not None:
                    types[field.name] = kind
            count = int(file.metadata.num_rows)
        # A missing crs means longitude and latitude, a null one that nobody knows (GeoParquet 1.1).
        srid = srid_of(meta["crs"]) if "crs" in meta else (4326 if meta else None)
        told = {str(t).removesuffix(" Z") for t in meta.get("geometry_types", ())}
        return Outline(types, _common(told), srid, count, name=self.path.stem, exact=True)

    def read(self, size: int, only: tuple[str, ...] | None) -> Iterator[Batch]:
        types = {n: t for n, t in self._seen().types.items() if only is None or n in only}
        with self._open() as file:
            name, meta = _geometry_column(file.schema_arrow, self.path.name)
            encoding = str(meta.get("encoding", "WKB")).lower()
            try:
                for raw in file.iter_batches(batch_size=size, columns=[*types, name]):
                    arrays = [columns.cast(raw.column(n), kind) for n, kind in types.items()]
                    shapes = _wkb(raw.column(name), encoding, self.path.name)
                    yield pa.RecordBatch.from_arrays([*arrays, shapes], names=[*types, GEOMETRY])
            except (pa.ArrowException, OSError) as error:
                raise BadSource(f"{self.path.name} is damaged: {error}") from None

    def _open(self) -> Any:
        try:
            return pq.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise BadSource(f"{self.path.name} cannot be read: {error}") from None


def _geometry_column(schema: Any, file: str) -> tuple[str, dict[str, Any]]:
    """Name of the geometry column and what the file's metadata say of it."""
    metadata = schema.metadata or {}
    if b"geo" in metadata:
        try:
            geo = json.loads(metadata[b"geo"])
            name = str(geo["primary_column"])
            return name, dict(geo["columns"][name])
        except (ValueError, KeyError, TypeError):
            raise BadSource(f"the GeoParquet metadata of {file} are damaged") from None
    for field in schema:
        if field.name.lower() in _WKB_NAMES and columns.field_type(field.type) is None:
            return field.name, {}
    raise BadSource(f"{file} has no geometry: neither GeoParquet metadata nor a binary column named geometry")


def _covering(meta: dict[str, Any]) -> str | None:
    """The struct column of boxes, which is an index and no attribute."""
    try:
        return str(meta["covering"]["bbox"]["xmin"][0])
    except (KeyError, IndexError, TypeError):
        return None


def _common(told: set[str]) -> GeometryType | None:
    numbers = {"Point": 1, "LineString": 2, "Polygon": 3, "MultiPoint": 4, "MultiLineString": 5, "MultiPolygon": 6}
    if not told:
        return None
    return columns.common_geometry(numbers.get(name, 7) for name in told)


def _wkb(column: Any, encoding: str, file: str) -> Any:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if encoding == "wkb":
        return column.cast(pa.binary())
    if encoding not in _NATIVE:
        raise BadSource(f"{file} encodes its geometry as {encoding!r}, which is not read; write it as WKB")
    return _from_nested(column, encoding)


def _from_nested(column: Any, encoding: str) -> Any:
    """Nested coordinates (GeoArrow) to WKB, row by row of the batch: such files are rare."""
    make = {
        "point": shapely.Point,
        "linestring": shapely.LineString,
        "multipoint": shapely.MultiPoint,
        "multilinestring": shapely.MultiLineString,
        "polygon": lambda rings: shapely.Polygon(rings[0], rings[1:]) if rings else shapely.Polygon(),
        "multipolygon": lambda parts: shapely.MultiPolygon([(p[0], p[1:]) for p in parts]),
    }[encoding]
    return pa.array(
        [None if value is None else shapely.to_wkb(make(_xy(value))) for value in column.to_pylist()], type=pa.binary()
    )


def _xy(value: Any) -> Any:
    if isinstance(value, dict):
        return (value["x"], value["y"])
    return [_xy(part) for part in value]
