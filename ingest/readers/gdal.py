"""Files that GDAL reads, as Arrow streams: shapefile, GeoPackage, GeoJSON, FlatGeobuf, GML, KML, OSM."""

import codecs
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from logging import getLogger
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyogrio
import pyogrio.raw
from pyogrio.errors import DataLayerError, DataSourceError

from geoserver_app.core.layer import FieldType, GeometryType
from ingest import columns
from ingest.crs import srid_of
from ingest.guard import DRIVERS, only_safe_drivers
from ingest.readers.base import ROW_ID, FileReader, Outline
from ingest.source import GEOMETRY, BadSource, Batch, RefusedSource

log = getLogger(__name__)

GEOMETRIES: dict[str, GeometryType] = {
    "Point": "Point",
    "MultiPoint": "MultiPoint",
    "LineString": "LineString",
    "MultiLineString": "MultiLineString",
    "Polygon": "Polygon",
    "MultiPolygon": "MultiPolygon",
}

EXACT = frozenset({"FlatGeobuf"})
"""Drivers whose files carry a count that truth can be held against; a shapefile's counts deleted rows too."""

NUMBERED = frozenset({"GPKG", "OpenFileGDB"})
"""Drivers whose row numbers are stored, so that they last from one edition of a file to the next."""

OPEN_OPTIONS: dict[str, dict[str, str]] = {
    # A schema is never fetched, nor guesses written beside a file that is not ours.
    "gml": {"DOWNLOAD_SCHEMA": "NO", "WRITE_GFS": "NO", "EXPOSE_GML_ID": "YES"},
}


_FOLDERS = re.compile(r"(?<![\w:/])/(?:[^\s/'\"`]+/)+")


class GdalFile(FileReader):
    """One layer of a file through pyogrio's Arrow stream, with the drivers of the guard only."""

    formats: ClassVar[frozenset[str]] = frozenset({"shp", "gpkg", "geojson", "flatgeobuf", "kml", "gpx", "osm", "gdb"})

    @classmethod
    def layers(cls, path: Path, format_: str) -> tuple[str, ...]:
        with warnings.catch_warnings(), only_safe_drivers():
            warnings.simplefilter("ignore")
            try:
                found = pyogrio.list_layers(path)
            except DataSourceError as error:
                raise BadSource(f"{path.name} cannot be read: {_first_line(error)}") from None
        return tuple(str(name) for name, kind in found if kind is not None)

    def outline(self) -> Outline:
        info = self._info()
        driver = str(info["driver"])
        if driver not in DRIVERS:
            raise RefusedSource(f"{self.path.name} is of a kind ({driver}) that is not loaded")
        schema = self._schema()
        types: dict[str, FieldType] = {}
        for field in self._attributes(schema, str(info["geometry_name"]) or "wkb_geometry"):
            kind = columns.field_type(field.type)
            if kind is not None:
                types[field.name] = kind
        declared = "gml_id" if self.format == "gml" and "gml_id" in types else None
        if self.format == "osm":
            declared = "osm_id" if str(info["layer_name"]) in {"points", "lines", "multilinestrings"} else None
        count = int(info["features"])
        return Outline(
            types=types,
            geometry=self._geometry(driver, str(info["geometry_type"])),
            srid=srid_of(info["crs"]),
            count=count if count >= 0 else None,
            row_id=str(info["fid_column"]) if driver in NUMBERED and info["fid_column"] else None,
            key=declared,
            name=str(info["layer_name"]),
            exact=driver in EXACT and count > 0,
        )

    def read(self, size: int, only: tuple[str, ...] | None) -> Iterator[Batch]:
        with ExitStack() as stack:
            if self.format == "osm":
                # GDAL keeps the nodes of a large extract in a file, else in the current folder.
                self.work.mkdir(parents=True, exist_ok=True)
                pyogrio.set_gdal_config_options({"CPL_TMPDIR": str(self.work)})
                stack.callback(pyogrio.set_gdal_config_options, {"CPL_TMPDIR": None})
            meta, stream = self._open(stack, batch_size=size, return_fids=True, columns=only)
            geometry = meta["geometry_name"] or "wkb_geometry"
            types = self._seen_types(stream.schema, geometry)
            start = 0
            while (raw := self._next(stream)) is not None:
                yield self._batch(raw, types, geometry, start)
                start += raw.num_rows

    def _seen_types(self, schema: Any, geometry: str) -> dict[str, FieldType]:
        found = ((f.name, columns.field_type(f.type)) for f in self._attributes(schema, geometry))
        return {name: kind for name, kind in found if kind is not None}

    def _attributes(self, schema: Any, geometry: str) -> list[Any]:
        """The attributes in a stream's schema, which the row's number leads: it may bear an attribute's name."""
        try:
            return [field for field in list(schema)[1:] if field.name != geometry]
        except UnicodeDecodeError:
            raise self._strange_names() from None

    def _strange_names(self) -> BadSource:
        return BadSource(
            f"the column names of {self.path.name} are not {self.source.encoding or 'UTF-8'}; "
            "give --encoding ISO-8859-1 (or what the file is in)"
        )

    def _batch(self, raw: Batch, types: dict[str, FieldType], geometry: str, start: int) -> Batch:
        raw = raw.rename_columns([ROW_ID, *raw.schema.names[1:]])
        arrays = [columns.cast(_readable(raw.column(name), name), kind) for name, kind in types.items()]
        shapes = raw.column(geometry)
        if columns.curved(columns.wkb_types(shapes)).any():
            shapes = self._straight(start, raw.num_rows)
        return pa.RecordBatch.from_arrays([*arrays, shapes, raw.column(ROW_ID)], names=[*types, GEOMETRY, ROW_ID])

    def _straight(self, start: int, count: int) -> Any:
        """The geometry of some rows again, by GDAL's other way of reading, which makes arcs straight."""
        layer = self._layer()
        with warnings.catch_warnings(), only_safe_drivers():
            warnings.simplefilter("ignore")
            _, _, shapes, _ = pyogrio.raw.read(
                self.path, layer=layer, columns=[], skip_features=start, max_features=count, **self._options()
            )
        return pa.array(shapes, type=pa.binary())

    def _info(self) -> dict[str, Any]:
        layer = self._layer()
        with warnings.catch_warnings(), only_safe_drivers():
            warnings.simplefilter("ignore")
            try:
                info: dict[str, Any] = pyogrio.read_info(self.path, layer=layer, **self._options())
            except UnicodeDecodeError:
                raise self._strange_names() from None
            except (DataSourceError, DataLayerError) as error:
                raise BadSource(f"{self.path.name} cannot be read: {_first_line(error)}") from None
        return info

    def _schema(self) -> Any:
        with ExitStack() as stack:
            _, stream = self._open(stack, batch_size=1, return_fids=True)
            return stream.schema

    def _geometry(self, driver: str, told: str) -> GeometryType | None:
        plain = told.replace("2.5D ", "").split(" ")[0]
        if driver == "ESRI Shapefile":
            # A shapefile says Polygon and LineString also of rows with several parts.
            return {"Polygon": "MultiPolygon", "LineString": "MultiLineString"}.get(plain) or GEOMETRIES.get(plain)  # type: ignore[return-value]
        if driver == "GML":
            return None
        return GEOMETRIES.get(plain)

    def _layer(self) -> str | None:
        """The layer asked for, or the only one; BadSource with the names where there is a choice."""
        if self.format == "shp":
            return None
        if self.source.layer is not None:
            return self.source.layer
        found = self.layers(self.path, self.format)
        if len(found) == 1:
            return found[0]
        if not found:
            raise BadSource(f"{self.path.name} holds no layer with a geometry")
        raise BadSource(f"{self.path.name} holds several layers ({', '.join(found)}); name one")

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = dict(OPEN_OPTIONS.get(self.format, {}))
        if self.source.encoding and self.format == "shp":
            options["encoding"] = codecs.lookup(self.source.encoding).name  # of Python's aliases GDAL knows few
        return options

    def _open(self, stack: ExitStack, **more: Any) -> tuple[dict[str, Any], Any]:
        layer = self._layer()
        with warnings.catch_warnings(), only_safe_drivers():
            warnings.simplefilter("ignore")
            try:
                return stack.enter_context(  # type: ignore[no-any-return]
                    pyogrio.raw.open_arrow(self.path, layer=layer, use_pyarrow=True, **self._options(), **more)
                )
            except UnicodeDecodeError:
                raise self._strange_names() from None
            except (DataSourceError, DataLayerError) as error:
                raise BadSource(f"{self.path.name} cannot be read: {_first_line(error)}") from None

    def _next(self, stream: Any) -> Batch | None:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                batch = stream.read_next_batch()
            except StopIteration:
                batch = None
            except (pa.ArrowException, OSError) as error:
                raise BadSource(f"{self.path.name} breaks off or is damaged: {_first_line(error)}") from None
        for warning in said:
            log.warning("%s: %s", self.path.name, warning.message)
        return batch


def _readable(column: Any, name: str) -> Any:
    """The column if its text is UTF-8; a wrong encoding would otherwise surface far from here."""
    if pa.types.is_string(column.type):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            raise BadSource(
                f"the text of {name!r} is not in the encoding the file claims; "
                "give --encoding ISO-8859-1 (or what the file is in)"
            ) from None
    return column


def _first_line(error: Exception) -> str:
    """The first line of GDAL's words, without the folders of paths: they are often temporary ones."""
    lines = str(error).strip().splitlines()
    return _FOLDERS.sub("", lines[0]) if lines else type(error).__name__
