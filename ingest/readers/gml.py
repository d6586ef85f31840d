"""GML files: GDAL's geometry, our own look at the text, because GDAL's guesses cost leading zeros."""

import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from geoserver_app.core.layer import FieldType
from ingest import columns
from ingest.guard import only_safe_drivers
from ingest.readers.base import SCAN_ROWS, Outline
from ingest.readers.gdal import OPEN_OPTIONS, GdalFile
from ingest.source import GEOMETRY, BadSource, Batch
from ingest.texts import Look, typed


class GmlText(GdalFile):
    """GML whose values are left as text; the caller knows their types."""

    @classmethod
    def layers(cls, path: Path, format_: str) -> tuple[str, ...]:
        """By number, one after the other: GDAL's list of layers would leave a .gfs beside the file."""
        found: list[str] = []
        with warnings.catch_warnings(), only_safe_drivers(), suppress(DataLayerError):
            warnings.simplefilter("ignore")
            try:
                while True:
                    info = pyogrio.read_info(path, layer=len(found), **OPEN_OPTIONS["gml"])
                    found.append(str(info["layer_name"]))
            except DataSourceError as error:
                raise BadSource(f"{path.name} cannot be read: {error}") from None
        return tuple(found)


class GmlFile(GmlText):
    """GML 2 and 3. A schema beside the file (same name, .xsd) tells the types; else the values do."""

    formats: ClassVar[frozenset[str]] = frozenset({"gml"})
    _types: dict[str, FieldType] | None = None

    def outline(self) -> Outline:
        told = super().outline()
        looks = {name: Look(name) for name, kind in told.types.items() if kind == "string" and name != "gml_id"}
        if self.path.with_suffix(".xsd").exists():
            looks = {}
        geometry: set[int] = set()
        count = 0
        for batch in super().read(SCAN_ROWS, None):
            count += batch.num_rows
            geometry.update(np.unique(columns.wkb_types(batch.column(GEOMETRY))).tolist())
            for name, look in looks.items():
                look.at(batch.column(name))
        # A decimal comma is left as text: XML Schema knows points only.
        self._types = {name: look.type for name, look in looks.items() if not look.comma}
        types = {name: self._types.get(name, kind) for name, kind in told.types.items()}
        return replace(told, types=types, count=count, geometry=columns.common_geometry(geometry))

    def read(self, size: int, only: tuple[str, ...] | None) -> Iterator[Batch]:
        self._seen()
        types = self._types or {}
        for batch in super().read(size, only):
            arrays: list[Any] = [
                typed(batch.column(name), types[name]) if name in types else batch.column(name)
                for name in batch.schema.names
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
