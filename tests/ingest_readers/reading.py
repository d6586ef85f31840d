"""Short words for reading a source in a test."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import shapely

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.read import Description, open_source


@dataclass(frozen=True)
class Whole:
    """A source read to its end."""

    described: Description
    table: Any
    batches: list[int]

    def column(self, name: str) -> list[Any]:
        return self.table.column(name).to_pylist()

    @property
    def keys(self) -> list[str]:
        return self.column("__key__")

    @property
    def shapes(self) -> list[Any]:
        return [None if wkb is None else shapely.from_wkb(wkb) for wkb in self.column("__geometry__")]

    @property
    def wkt(self) -> list[str | None]:
        return [None if shape is None else shapely.to_wkt(shape, trim=True) for shape in self.shapes]

    def type_of(self, name: str) -> str:
        return next(field.type for field in self.described.fields if field.name == name)


def read_all(
    source: Source, settings: Settings, work: Path, *, override: str | None = None, rows: int = 20_000
) -> Whole:
    with open_source(source, settings, override=override, work=work) as reader:
        described = reader.describe()
        batches = list(reader.batches(rows))
    table = pa.Table.from_batches(batches) if batches else pa.table({})
    return Whole(described, table, [batch.num_rows for batch in batches])


def read_file(path: Path, settings: Settings, work: Path, **more: Any) -> Whole:
    rows = more.pop("rows", 20_000)
    return read_all(Source("file", str(path), **more), settings, work, rows=rows)
