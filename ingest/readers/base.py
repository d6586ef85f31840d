"""What all readers of local files share: the layer asked for, the filter, the key, the scan."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geoserver_app.core.filter import Node
from geoserver_app.core.layer import FieldType, GeometryType, Source
from geoserver_app.settings import Settings
from ingest import columns, rows
from ingest.source import GEOMETRY, KEY, BadSource, Batch, Description, Reader, SourceChanged, SourceField

ROW_ID = "__row__"
"""Name under which a reader hands on the file's own row id, if it has one."""

LIKELY_KEYS = ("objectid", "osm_id", "gml_id", "globalid", "fid", "gid", "ogc_fid", "uuid", "id")
"""Names (in lower case) that are taken for the key where every row has another value."""

KEY_ROWS_MAX = 10_000_000
SCAN_ROWS = 50_000


_BY_POSITION = "no unique key was found{}; rows are numbered by position, so ids may move between loads"


@dataclass(frozen=True)
class Outline:
    """What the head of a file tells: names and Arrow types, before any row is read."""

    types: dict[str, FieldType]
    geometry: GeometryType | None
    srid: int | None
    count: int | None
    row_id: str | None = None
    """Name of the file's own stable row id."""
    key: str | None = None
    """Field that is unique by the rules of the format."""
    name: str = ""
    date: str | None = None
    exact: bool = False
    """Whether reading fewer or more rows than ``count`` means that the file is damaged."""


def check_encoding(name: str | None) -> None:
    """BadSource where a name is not that of an encoding of text."""
    try:
        "".encode(name or "utf-8")
    except LookupError:
        raise BadSource(f"{name!r} is not an encoding; ISO-8859-1, cp1252 and UTF-8 are the usual ones") from None


class FileReader(Reader):
    """A layer of a local file. Subclasses say what is in it and yield its rows."""

    formats: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, path: Path, source: Source, settings: Settings, work: Path, where: Node | None = None, format_: str = ""
    ) -> None:
        self.path = path
        self.source = source
        check_encoding(source.encoding)
        self.settings = settings
        self.work = work
        self.where = where
        self.format = format_
        self._description: Description | None = None
        self._outline: Outline | None = None

    @classmethod
    @abstractmethod
    def layers(cls, path: Path, format_: str) -> tuple[str, ...]:
        """Names of the layers with a geometry in a file."""

    @abstractmethod
    def outline(self) -> Outline:
        """Look at the file without reading its rows, or with one pass where the format has no head."""

    @abstractmethod
    def read(self, size: int, only: tuple[str, ...] | None) -> Iterator[Batch]:
        """All rows in file order: the fields (of ``only``, if given), ``__geometry__`` and maybe ROW_ID."""

    def describe(self) -> Description:
        if self._description is None:
            self._description = self._describe()
        return self._description

    def batches(self, rows: int) -> Iterator[Batch]:
        described = self.describe()
        outline = self._seen()
        done = 0
        for raw in self.read(rows, None):
            batch = self._dressed(raw, described, done)
            done += raw.num_rows
            batch = self._kept(batch)
            if batch.num_rows:
                yield batch
        if outline.exact and outline.count is not None and done != outline.count:
            raise SourceChanged(
                f"{self.path.name} announces {outline.count} rows and holds {done}; it is damaged, fetch it again"
            )

    def _seen(self) -> Outline:
        if self._outline is None:
            self._outline = self.outline()
        return self._outline

    def _describe(self) -> Description:
        outline = self._seen()
        fields = tuple(SourceField(name, kind) for name, kind in outline.types.items())
        key, likely = self._key(outline)
        geometry = outline.geometry
        doubt = ""
        if geometry is None or likely:
            found, doubt = self._scan(outline, likely)
            geometry = geometry or found
            key = key or (likely if not doubt else None)
        # A layer file's crs corrects a file; of a service's stand-in it tells only what was asked for.
        told = (self.source.crs, outline.srid) if self.source.kind == "file" else (outline.srid, self.source.crs)
        srid = told[0] or told[1]
        count = None if self.where is not None else outline.count
        note = "" if key else _BY_POSITION.format(f" ({doubt})" if doubt else "")
        return Description(fields, geometry, srid, count, key, outline.date, name=outline.name, note=note)

    def _key(self, outline: Outline) -> tuple[str | None, str | None]:
        """The key that is told or declared, else one that must be looked at before it is believed."""
        wanted = self.source.key
        if wanted is not None:
            if wanted not in outline.types and wanted != outline.row_id:
                known = ", ".join(outline.types)
                raise BadSource(f"{self.path.name} has no field {wanted!r} for the key; it has {known}")
            return wanted, None
        if outline.key or outline.row_id:
            return outline.key or outline.row_id, None
        by_name = {name.lower(): name for name in reversed(outline.types)}
        likely = [by_name[name] for name in LIKELY_KEYS if name in by_name]
        return None, likely[0] if likely else None

    def _scan(self, outline: Outline, likely: str | None) -> tuple[GeometryType, str]:
        """One pass over the kept rows: their common geometry, and why ``likely`` does not tell them apart."""
        types: set[int] = set()
        hashes: list[Any] = []
        seen = empty = 0
        needed = {likely, *(rows.names(self.where) if self.where is not None else ())} & set(outline.types)
        for raw in self.read(SCAN_ROWS, tuple(n for n in outline.types if n in needed)):
            batch = self._kept(raw)
            seen += batch.num_rows
            types.update(np.unique(columns.wkb_types(batch.column(GEOMETRY))).tolist())
            if likely is not None and not empty and seen <= KEY_ROWS_MAX:
                column = batch.column(likely)
                empty = column.null_count
                hashes.append(np.fromiter((hash(v) for v in column.to_pylist()), dtype=np.int64))
        geometry = columns.common_geometry(types)
        if likely is None or seen == 0:
            return geometry, "" if seen else "there are no rows"
        if seen > KEY_ROWS_MAX:
            return geometry, f"more than {KEY_ROWS_MAX:,} rows are not compared"
        if empty:
            return geometry, f"field {likely!r} is empty in some rows"
        repeated = int((np.unique(np.concatenate(hashes), return_counts=True)[1] > 1).sum())
        values = "1 value" if repeated == 1 else f"{repeated:,} values"
        return geometry, f"field {likely!r} repeats {values}" if repeated else ""

    def _dressed(self, raw: Batch, described: Description, done: int) -> Batch:
        """The batch with the described columns, the flat geometry and the key."""
        arrays = [raw.column(field.name) for field in described.fields]
        if described.key is None:
            key = pc.cast(pa.array(np.arange(done + 1, done + raw.num_rows + 1)), pa.string())
        elif described.key in raw.schema.names:
            key = columns.as_text(raw.column(described.key))
        else:
            key = columns.as_text(raw.column(ROW_ID))
        names = [field.name for field in described.fields]
        return pa.RecordBatch.from_arrays(
            [*arrays, columns.flat(raw.column(GEOMETRY)), key], names=[*names, GEOMETRY, KEY]
        )

    def _kept(self, batch: Batch) -> Batch:
        return batch if self.where is None else rows.keep(self.where, batch)
