"""Layers of ArcGIS REST services (MapServer and FeatureServer), whole or not at all.

Paging is by ``resultOffset`` in the order of the object ids, because without an order rows are lost and
repeated. What paging leaves out, or refuses, is fetched by object id; in the end the distinct ids must be
as many as the service counts, before and after.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from geoserver_app.core.layer import FieldType, Source
from geoserver_app.settings import Settings
from ingest import columns, esri
from ingest.crs import srid_of_wkid
from ingest.http import Client, Transient
from ingest.source import (
    GEOMETRY,
    KEY,
    BadSource,
    Batch,
    Description,
    Reader,
    SourceChanged,
    SourceField,
    SourceUnavailable,
)

IDS_AT_ONCE = 500
"""Object ids named in one question; such questions are long and go as forms."""

Answer = dict[str, Any]


class PagingRefused(SourceUnavailable):
    """The service does not page; its rows are asked for by object id instead."""


@dataclass(frozen=True)
class Sheet:
    """What the layer's own JSON says, as far as reading needs it."""

    name: str
    kind: str
    """Esri geometry type."""
    types: dict[str, FieldType]
    oid: str | None
    order: str
    """Field that tells rows apart: the object id, or the layer's key where there is none."""
    page: int
    pages: bool
    """Whether paging is worth trying."""
    ordered: bool
    srid: int | None
    date: str | None


class ArcgisReader(Reader):
    """``source.url`` is the layer's address, or the service's with ``source.layer`` the layer's number."""

    def __init__(self, source: Source, settings: Settings, work: Path) -> None:
        if not source.url:
            raise BadSource("an ArcGIS source needs the url of its layer")
        self.source = source
        url = source.url.split("?")[0].rstrip("/").removesuffix("/query")
        self.url = f"{url}/{source.layer}" if source.layer and not url.endswith(f"/{source.layer}") else url
        self.client = Client(self.url, settings)
        self._sheet: Sheet | None = None
        self._description: Description | None = None

    def describe(self) -> Description:
        if self._description is None:
            sheet = self._read_sheet()
            fields = tuple(SourceField(name, kind) for name, kind in sheet.types.items())
            key = self.source.key or sheet.order
            geometry = esri.GEOMETRIES[sheet.kind]
            self._description = Description(
                fields, geometry, sheet.srid, self._count(), key, sheet.date, name=sheet.name
            )
        return self._description

    def batches(self, rows: int) -> Iterator[Batch]:
        described = self.describe()
        sheet = self._read_sheet()
        announced = described.count or 0
        seen: set[object] = set()
        done = 0
        # What is left out is known only when the pages are through: the chain is lazy.
        for features in chain(self._pages(sheet, announced, rows), self._left_out(sheet, seen, announced, rows)):
            fresh = self._fresh(features, sheet, seen)
            done += len(fresh)
            if fresh:
                yield self._batch(fresh, sheet, described)
        after = self._count()
        if not announced == after == done:
            raise SourceChanged(
                f"{sheet.name}: {announced} rows before, {after} after and {done} different ones read; "
                "the data changed while it was read, run it again"
            )

    def close(self) -> None:
        self.client.close()

    # What the service says of itself

    def _read_sheet(self) -> Sheet:
        if self._sheet is None:
            self._sheet = self._sheet_of(self._ask("", {}))
        return self._sheet

    def _sheet_of(self, told: Answer) -> Sheet:
        name = str(told.get("name", self.url))
        if "layers" in told and "fields" not in told:
            known = ", ".join(f"{entry.get('id')} {entry.get('name')}" for entry in told["layers"])
            raise BadSource(f"{self.url} is a service; name one of its layers: {known}")
        kind = told.get("geometryType")
        if told.get("type") not in (None, "Feature Layer") or kind not in esri.GEOMETRIES:
            raise BadSource(f"{name} is a {told.get('type', 'layer')} without vector features; it cannot be loaded")
        if "capabilities" in told and "query" not in str(told["capabilities"]).lower().split(","):
            raise BadSource(f"{name} may not be queried; its owner offers it as a picture only")
        fields = told.get("fields") or []
        types = {str(f["name"]): esri.FIELDS[f["type"]] for f in fields if f.get("type") in esri.FIELDS}
        oids = [str(f["name"]) for f in fields if f.get("type") == "esriFieldTypeOID"]
        oid = told.get("objectIdField") or (oids[0] if oids else None)
        if self.source.key and self.source.key not in types:
            raise BadSource(f"{name} has no field {self.source.key!r} for the key; it has {', '.join(types)}")
        order = oid or self.source.key
        if not order:
            raise BadSource(f"{name} has no object id; set key to a field that tells its rows apart")
        advanced = told.get("advancedQueryCapabilities") or {}
        reference = told.get("sourceSpatialReference") or (told.get("extent") or {}).get("spatialReference") or {}
        return Sheet(
            name=name,
            kind=str(kind),
            types=types,
            oid=oid,
            order=str(order),
            page=max(1, int(told.get("maxRecordCount") or 1000)),
            pages=advanced.get("supportsPagination", told.get("supportsPagination", True)) is not False,
            ordered=advanced.get("supportsOrderBy", True) is not False,
            srid=self.source.crs or srid_of_wkid(reference),
            date=_edited(told),
        )

    def _count(self) -> int:
        answer = self._ask("/query", {"where": self._where, "returnCountOnly": "true"})
        if not isinstance(answer.get("count"), int):
            raise SourceUnavailable(f"{self.url} does not count its rows; without that a load cannot be known whole")
        return int(answer["count"])

    # Rows

    def _pages(self, sheet: Sheet, announced: int, rows: int) -> Iterator[list[Answer]]:
        """Pages in the order of the ids, until the offsets pass the number announced.

        The first page names no offset: services without paging refuse even 0. Short and empty pages
        may come before the end, so the offset grows by what was asked, whatever came.
        """
        if not sheet.pages:
            return
        size = min(sheet.page, rows)
        offset = 0
        while offset == 0 or offset < announced:
            asked = {**self._rows_query(sheet), "where": self._where}
            if sheet.ordered:
                asked["orderByFields"] = sheet.order
            if offset or size < sheet.page:
                asked |= {"resultOffset": str(offset), "resultRecordCount": str(size)}
            try:
                answer = self._ask_rows(asked, sheet)
            except PagingRefused:
                return
            features = answer.get("features") or []
            yield from (features[i : i + rows] for i in range(0, len(features), rows))
            if offset == 0 and len(features) >= announced and not _exceeded(answer):
                return
            offset += size

    def _left_out(self, sheet: Sheet, seen: set[object], announced: int, rows: int) -> Iterator[list[Answer]]:
        """The rows that paging did not give, by their ids."""
        if sheet.oid is None or len(seen) >= announced:
            return
        answer = self._ask("/query", {"where": self._where, "returnIdsOnly": "true"})
        missing = sorted({int(i) for i in answer.get("objectIds") or ()} - seen)
        size = min(IDS_AT_ONCE, sheet.page, rows)
        for start in range(0, len(missing), size):
            yield from self._by_ids(sheet, missing[start : start + size])

    def _by_ids(self, sheet: Sheet, ids: Sequence[int]) -> Iterator[list[Answer]]:
        """These rows; a server that gives only some of them is asked again for the others."""
        query = {**self._rows_query(sheet), "objectIds": ",".join(map(str, ids))}
        features = self._ask_rows(query, sheet).get("features") or []
        yield features
        got = {self._id_of(feature, sheet) for feature in features}
        left = [i for i in ids if i not in got]
        if left and len(left) < len(ids):
            yield from self._by_ids(sheet, left)

    def _rows_query(self, sheet: Sheet) -> dict[str, str]:
        query = {"outFields": "*", "returnGeometry": "true", "returnZ": "false", "returnM": "false"}
        if sheet.srid:
            query["outSR"] = str(sheet.srid)
        return {**query, "returnTrueCurves": "false"}

    def _ask_rows(self, query: dict[str, str], sheet: Sheet) -> Answer:
        answer = self._ask("/query", query)
        given = srid_of_wkid(answer.get("spatialReference") or {})
        if given and sheet.srid and given != sheet.srid:
            raise BadSource(f"{sheet.name} answers in EPSG:{given} although EPSG:{sheet.srid} was asked for; set crs")
        return answer

    @property
    def _where(self) -> str:
        return self.source.where or "1=1"

    def _fresh(self, features: list[Answer], sheet: Sheet, seen: set[object]) -> list[Answer]:
        """The features whose id has not come before; ``seen`` is added to."""
        fresh = []
        for feature in features:
            number = self._id_of(feature, sheet)
            if number not in seen:
                seen.add(number)
                fresh.append(feature)
        return fresh

    def _id_of(self, feature: Answer, sheet: Sheet) -> object:
        number = _attribute(feature.get("attributes") or {}, sheet.order)
        if number is None:
            raise SourceUnavailable(f"{sheet.name} gives a row without its {sheet.order}")
        return number

    def _batch(self, features: list[Answer], sheet: Sheet, described: Description) -> Batch:
        rows = [feature.get("attributes") or {} for feature in features]
        arrays = [_column([_attribute(row, f.name) for row in rows], f.type, f.name) for f in described.fields]
        shapes = esri.to_wkb([feature.get("geometry") for feature in features], sheet.kind)
        names = [field.name for field in described.fields]
        if described.key in names:
            key = columns.as_text(arrays[names.index(described.key)])
        else:
            key = pa.array([str(_attribute(row, str(described.key))) for row in rows], pa.string())
        return pa.RecordBatch.from_arrays([*arrays, shapes, key], names=[*names, GEOMETRY, KEY])

    def _ask(self, path: str, params: dict[str, str]) -> Answer:
        return self.client.ask(f"{self.url}{path}", _answer, {**params, "f": "json"})


def _answer(body: bytes) -> Answer:
    """The JSON of an answer; ArcGIS sends its errors with HTTP status 200."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Transient("the answer is no whole JSON") from None
    if not isinstance(answer, dict):
        raise Transient("the answer is not a JSON object")
    error = answer.get("error")
    if error is None:
        return answer
    error = error if isinstance(error, dict) else {"message": str(error)}
    details = error.get("details") or []
    text = ". ".join(dict.fromkeys(str(t) for t in (error.get("message"), *details) if t)) or "an error without words"
    code = int(error.get("code") or 0)
    if "pagination is not supported" in text.lower():
        raise PagingRefused(text)
    if code >= 500 or code == 429 or "not a geographic coordinate system" in text.lower():
        raise Transient(f"the service answers with error {code}: {text}")
    raise BadSource(f"the service answers with error {code}: {text}")


def _edited(told: Answer) -> str | None:
    """The day of the last edit, where the service keeps one."""
    moment = (told.get("editingInfo") or {}).get("lastEditDate")
    return datetime.fromtimestamp(moment / 1000, UTC).date().isoformat() if isinstance(moment, int) else None


def _exceeded(answer: Answer) -> bool:
    """Whether more rows are announced; in GeoJSON the flag sits under ``properties``."""
    inner = answer.get("properties")
    return bool(answer.get("exceededTransferLimit") or (isinstance(inner, dict) and inner.get("exceededTransferLimit")))


def _attribute(row: Answer, name: str) -> Any:
    """An attribute by its name; some servers change the case between description and rows."""
    if name in row:
        return row[name]
    wanted = name.lower()
    return next((value for key, value in row.items() if key.lower() == wanted), None)


def _column(values: list[Any], kind: FieldType, name: str) -> Any:
    """Values of one field as their Arrow type; dates come as milliseconds since 1970 in UTC."""
    try:
        if kind == "datetime":
            if any(isinstance(value, str) for value in values):
                return columns.cast(pa.array([None if v is None else str(v) for v in values]), kind)
            return pa.array([None if v is None else int(v) * 1000 for v in values], columns.ARROW_TYPES[kind])
        if kind == "date":
            return pa.array(values, pa.string()).cast(columns.ARROW_TYPES[kind])
        if kind == "string":
            return pa.array([v if v is None or isinstance(v, str) else str(v) for v in values], pa.string())
        if kind == "number":
            return pa.array([_finite(v) for v in values], columns.ARROW_TYPES[kind])
        if kind == "integer":
            values = [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]
        return pa.array(values, columns.ARROW_TYPES[kind])
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise BadSource(f"the field {name!r} holds values that are no {kind} ({error})") from None


def _finite(value: Any) -> float | None:
    """Esri writes missing numbers as null or as the text NaN."""
    return None if value is None or value == "NaN" else float(value)
