"""Several layers of one ArcGIS service read as one source, where an owner keeps a theme in pieces."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from geoserver_app.core.layer import FieldType, GeometryType, Source
from geoserver_app.settings import Settings
from ingest import columns
from ingest.readers.arcgis import ArcgisReader
from ingest.source import GEOMETRY, KEY, BadSource, Batch, Description, Reader, SourceField

_MULTI: dict[GeometryType, GeometryType] = {"Point": "MultiPoint", "LineString": "MultiLineString"}


def arcgis(source: Source, settings: Settings, work: Path) -> Reader:
    """The reader of the layer, or of the layers (``4,5,6``), that ``source.layer`` numbers."""
    numbers = layer_numbers(source.layer)
    if len(numbers) > 1:
        return ArcgisLayers(source, numbers, settings, work)
    return ArcgisReader(source, settings, work)


def layer_numbers(text: str | None) -> tuple[str, ...]:
    """The layers ``source.layer`` names, each once."""
    return tuple(dict.fromkeys(number.strip() for number in (text or "").split(",") if number.strip()))


class ArcgisLayers(Reader):
    """The rows of each layer in turn; every layer is counted and checked on its own.

    Object ids begin anew in each layer, so keys are written ``layer/key``. A field that a layer
    lacks is null in its rows.
    """

    def __init__(self, source: Source, numbers: tuple[str, ...], settings: Settings, work: Path) -> None:
        self._parts: dict[str, ArcgisReader] = {}
        self._description: Description | None = None
        with ExitStack() as undo:
            for number in numbers:
                part = ArcgisReader(replace(source, layer=number), settings, work)
                undo.callback(part.close)
                self._parts[number] = part
            undo.pop_all()

    def describe(self) -> Description:
        if self._description is None:
            told = [part.describe() for part in self._parts.values()]
            srids = {one.srid for one in told}
            if len(srids) > 1:
                listed = ", ".join(f"{one.name} {one.srid or 'none'}" for one in told)
                raise BadSource(f"the layers have different CRSs ({listed}); set crs to ask for one")
            self._description = Description(
                fields=_united(told),
                geometry=_common([one.geometry for one in told]),
                srid=told[0].srid,
                count=sum(one.count or 0 for one in told),
                key=told[0].key,
                date=max((one.date for one in told if one.date), default=None),
                name=", ".join(one.name for one in told),
            )
        return self._description

    def batches(self, rows: int) -> Iterator[Batch]:
        fields = self.describe().fields
        for number, part in self._parts.items():
            for batch in part.batches(rows):
                yield _fitted(batch, fields, number)

    def close(self) -> None:
        for part in self._parts.values():
            part.close()


def _united(told: list[Description]) -> tuple[SourceField, ...]:
    """Every field once, whatever the case of its name; the first spelling counts."""
    types: dict[str, SourceField] = {}
    for field in (field for one in told for field in one.fields):
        known = types.setdefault(field.name.lower(), field)
        types[field.name.lower()] = replace(known, type=_wider(known.type, field.type))
    return tuple(types.values())


def _wider(one: FieldType, other: FieldType) -> FieldType:
    if one == other:
        return one
    return "number" if {one, other} == {"integer", "number"} else "string"


def _common(kinds: list[GeometryType]) -> GeometryType:
    many = {_MULTI.get(kind, kind) for kind in kinds}
    if len(set(kinds)) == 1:
        return kinds[0]
    return many.pop() if len(many) == 1 else "Geometry"


def _fitted(batch: Batch, fields: tuple[SourceField, ...], number: str) -> Batch:
    """A layer's batch with the columns of all of them."""
    own = {name.lower(): index for index, name in enumerate(batch.schema.names)}
    arrays: list[Any] = []
    for field in fields:
        index = own.get(field.name.lower())
        if index is None:
            arrays.append(pa.nulls(batch.num_rows, columns.ARROW_TYPES[field.type]))
        else:
            arrays.append(columns.cast(batch.column(index), field.type))
    keys = pc.binary_join_element_wise(number, batch.column(KEY), "/")
    names = [*(field.name for field in fields), GEOMETRY, KEY]
    return pa.RecordBatch.from_arrays([*arrays, batch.column(GEOMETRY), keys], names=names)
