"""Feature types of WFS 2.0 and 1.1 services: capabilities through OWSLib, rows page by page.

Rows come as GeoJSON where the service offers it, else as GML that GDAL parses. The service counts its rows
before and after, and the different feature ids read must be as many.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from owslib.wfs import WebFeatureService

from geoserver_app.core.crs import crs_of
from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest import columns, guard, texts, xml
from ingest.crs import srid_of
from ingest.http import Client, Transient
from ingest.readers.gml import GmlText
from ingest.readers.wfs_schema import Schema, constraints, document, schema_of
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

VERSIONS = ("2.0.0", "1.1.0")
PAGE_ROWS = 5_000
FEATURE_ID = "gml_id"
"""Name of the service's own feature id, when that is the key."""

_JSON = re.compile(r"json", re.IGNORECASE)
_RANDOM_ID = re.compile(r"fid-+[0-9a-f]+[_-]")
"""GeoServer makes such ids up for tables without a primary key, anew at every request."""


@dataclass(frozen=True)
class Offer:
    """What a service says about one feature type."""

    name: str
    version: str
    url: str
    title: str
    srid: int | None
    json_format: str | None
    pages: bool
    """Whether ``startIndex`` works; a version 1.1 service does not say."""
    sorts: bool
    page: int


@dataclass(frozen=True)
class Page:
    """Rows of one answer: columns of text, WKB and feature ids, all of one length."""

    columns: dict[str, Any]
    shapes: Any
    ids: list[str | None]


class WfsReader(Reader):
    """``source.url`` is the service's address, ``source.layer`` the type name.

    ``source.where`` is a filter in the service's words: XML is sent as FILTER, other text as CQL_FILTER.
    """

    def __init__(self, source: Source, settings: Settings, work: Path) -> None:
        if not source.url or not source.layer:
            raise BadSource(
                "a WFS source needs the name of a feature type: write it as `layer` in [source] of the layer file, "
                "beside `url`"
            )
        self.source = source
        self.settings = settings
        self.work = work
        self.url = source.url.split("?")[0]
        self.client = Client(self.url, settings)
        self._known: tuple[Offer, Schema] | None = None
        self._description: Description | None = None

    def describe(self) -> Description:
        if self._description is None:
            offer, schema = self._read_offer()
            fields = tuple(SourceField(name, kind) for name, kind in schema.types.items())
            key = self.source.key
            if key is not None and key not in schema.types and key != FEATURE_ID:
                raise BadSource(f"{offer.name} has no field {key!r} for the key; it has {', '.join(schema.types)}")
            srid = self.source.crs or offer.srid
            self._description = Description(fields, schema.geometry, srid, self._hits(offer), key, name=offer.name)
        return self._description

    def batches(self, rows: int) -> Iterator[Batch]:
        described = self.describe()
        offer, schema = self._read_offer()
        announced = described.count
        seen: set[str] = set()
        done = 0
        for page in self._pages(offer, schema, announced, rows):
            fresh = [i for i, number in enumerate(page.ids) if number is None or number not in seen]
            seen.update(number for number in page.ids if number is not None)
            if fresh:
                yield from _cut(self._batch(page, fresh, schema, done), rows)
            done += len(fresh)
        after = self._hits(offer)
        if announced is not None and not announced == after == done:
            raise SourceChanged(
                f"{offer.name}: {announced} rows before, {after} after and {done} different ones read; "
                "run it again, and set key to a unique field if it happens always"
            )

    def close(self) -> None:
        self.client.close()

    # What the service says of itself

    def _read_offer(self) -> tuple[Offer, Schema]:
        if self._known is None:
            offer = self._negotiated()
            self._known = offer, self._read_schema(offer)
        return self._known

    def _negotiated(self) -> Offer:
        """The offer in the newest version the service speaks."""
        reason: BadSource | None = None
        for version in VERSIONS:
            query = {"service": "WFS", "request": "GetCapabilities", "version": version}
            try:
                return self.client.ask(self.url, self._offer, query)
            except BadSource as error:
                reason = reason or error
        raise reason or SourceUnavailable(f"{self.url} speaks neither WFS 2.0 nor 1.1")

    def _offer(self, body: bytes) -> Offer:
        root = document(body)
        version = str(root.get("version", ""))
        if xml.local(root) != "WFS_Capabilities" or not version.startswith(("2.0", "1.1")):
            raise SourceUnavailable(f"{self.url} answers without WFS 2.0 or 1.1 capabilities")
        try:
            service = WebFeatureService(self.url, version="2.0.0" if version.startswith("2") else "1.1.0", xml=body)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SourceUnavailable(f"the capabilities of {self.url} cannot be understood ({error})") from None
        name = self._type_name(list(service.contents))
        meta = service.contents[name]
        limits = constraints(root)
        operation = next((o for o in service.operations if o.name == "GetFeature"), None)
        told = (operation.parameters if operation is not None else {}).get("outputFormat", {}).get("values", [])
        formats = [*told, *(getattr(meta, "outputFormats", None) or [])]
        crs = next((c for c in meta.crsOptions or [] if c is not None), None)
        return Offer(
            name=name,
            version=service.version,
            url=self._feature_url(operation),
            title=str(meta.title or name),
            srid=srid_of(crs.getcode()) if crs is not None else None,
            json_format=next((f for f in formats if _JSON.search(f)), None),
            pages=limits.get("ImplementsResultPaging", "TRUE").upper() != "FALSE",
            sorts=limits.get("ImplementsSorting", "TRUE").upper() != "FALSE",
            page=int(limits["CountDefault"]) if limits.get("CountDefault", "").isdigit() else PAGE_ROWS,
        )

    def _type_name(self, names: list[str]) -> str:
        wanted = str(self.source.layer)
        if wanted in names:
            return wanted
        alike = [name for name in names if name.rpartition(":")[2] == wanted.rpartition(":")[2]]
        if len(alike) == 1:
            return alike[0]
        raise BadSource(f"{self.url} has no feature type {wanted!r}; it has {', '.join(sorted(names)[:50])}")

    def _feature_url(self, operation: Any) -> str:
        """Where features are asked for; capabilities often name a host that only exists behind the proxy."""
        for method in getattr(operation, "methods", None) or []:
            if str(method.get("type", "")).lower() == "get":
                url = str(method.get("url", "")).rstrip("?&")
                if (
                    urlsplit(url).netloc == urlsplit(self.url).netloc
                    and urlsplit(url).scheme == urlsplit(self.url).scheme
                ):
                    return url
        return self.url

    def _read_schema(self, offer: Offer) -> Schema:
        query = self._query(offer, "DescribeFeatureType")
        return self.client.ask(offer.url, lambda body: schema_of(document(body), offer.name), query)

    def _hits(self, offer: Offer) -> int | None:
        """How many rows the service says there are; None where it does not know."""
        query = {**self._query(offer, "GetFeature"), "resultType": "hits", **self._filter()}
        root = self.client.ask(offer.url, document, query)
        told = root.get("numberMatched") or root.get("numberOfFeatures") or ""
        return int(told) if told.isdigit() else None

    def _query(self, offer: Offer, request: str) -> dict[str, str]:
        names = "typeNames" if offer.version.startswith("2") and request == "GetFeature" else "typeName"
        return {"service": "WFS", "version": offer.version, "request": request, names: offer.name}

    def _filter(self) -> dict[str, str]:
        where = (self.source.where or "").strip()
        if not where:
            return {}
        return {"FILTER": where} if where.startswith("<") else {"CQL_FILTER": where}

    # Rows

    def _pages(self, offer: Offer, schema: Schema, announced: int | None, rows: int) -> Iterator[Page]:
        """Pages until the announced number has come; the start grows by what came, as servers cap pages."""
        size = min(offer.page, max(rows, 1))
        start = 0
        while True:
            page = self._page(offer, schema, start, size)
            if page is None:
                offer = replace(offer, json_format=None)
                self._known = offer, schema
                continue
            got = len(page.ids)
            if got:
                yield page
            start += got
            if got == 0 or (announced is not None and start >= announced) or (announced is None and got < size):
                return

    def _page(self, offer: Offer, schema: Schema, start: int, size: int) -> Page | None:
        """One answer; None where GeoJSON turns out to be in degrees although metres were asked for."""
        query = {**self._query(offer, "GetFeature"), **self._filter()}
        srid = self._srid(offer)
        if srid:
            query["srsName"] = crs_of(srid).urn
        if offer.pages:
            query["count" if offer.version.startswith("2") else "maxFeatures"] = str(size)
        if start:
            query["startIndex"] = str(start)
        if self.source.key and self.source.key != FEATURE_ID and offer.sorts:
            query["sortBy"] = self.source.key
        if offer.json_format:
            query["outputFormat"] = offer.json_format
            return self.client.ask(offer.url, lambda body: _json_page(body, schema, srid), query)
        return self.client.ask(offer.url, lambda body: self._gml_page(body, schema, srid), query)

    def _srid(self, offer: Offer) -> int | None:
        return self.source.crs or offer.srid

    def _gml_page(self, body: bytes, schema: Schema, srid: int | None) -> Page:
        root = document(body)
        if not any(xml.local(e) in ("member", "featureMember", "featureMembers") and len(e) for e in root):
            return Page({}, pa.array([], pa.binary()), [])
        self.work.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="wfs-", dir=self.work))
        try:
            path = folder / "page.gml"
            path.write_bytes(body)
            guard.check_xml(path)
            return self._parsed(
                GmlText(path, Source("file", str(path)), self.settings, folder, None, "gml"), schema, srid
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _parsed(self, reader: GmlText, schema: Schema, srid: int | None) -> Page:
        outline = reader.outline()
        if srid and outline.srid and outline.srid != srid:
            raise BadSource(f"{self.url} answers in EPSG:{outline.srid} although EPSG:{srid} was asked for; set crs")
        batches = list(reader.read(1_000_000, None))
        table = pa.Table.from_batches(batches).combine_chunks()
        names = {name: table.column(name).combine_chunks() for name in table.schema.names}
        ids = names[FEATURE_ID].to_pylist() if FEATURE_ID in names else [None] * table.num_rows
        values = {n: columns.cast(names[n], "string") for n in schema.types if n in names}
        return Page(values, names[GEOMETRY], [_lasting(i) for i in ids])

    def _batch(self, page: Page, fresh: list[int], schema: Schema, done: int) -> Batch:
        chosen = pa.array(fresh, pa.int64())
        arrays = []
        for name, kind in schema.types.items():
            column = page.columns.get(name)
            column = pa.nulls(len(page.ids), pa.string()) if column is None else column
            try:
                arrays.append(texts.typed(pc.take(column, chosen), kind))
            except pa.ArrowInvalid as error:
                raise BadSource(f"the field {name!r} holds values that are no {kind} ({error})") from None
        key = self.source.key
        names = list(schema.types)
        if key in names:
            keys = columns.as_text(arrays[names.index(str(key))])
        else:
            ids = [page.ids[i] for i in fresh]
            keys = pa.array([i or str(done + n) for n, i in enumerate(ids, start=1)], pa.string())
        shapes = columns.flat(pc.take(page.shapes, chosen))
        return pa.RecordBatch.from_arrays([*arrays, shapes, keys], names=[*names, GEOMETRY, KEY])


def _json_page(body: bytes, schema: Schema, srid: int | None) -> Page | None:
    if body.lstrip()[:1] == b"<":
        document(body)
        raise Transient("the service answers in XML although GeoJSON was asked for")
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Transient("the answer is no whole JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("features"), list):
        raise Transient("the answer is no FeatureCollection")
    features = answer["features"]
    named = ((answer.get("crs") or {}).get("properties") or {}).get("name")
    stated = srid_of(named) if named else None
    if features and srid not in (None, 4326) and stated != srid:
        return None
    rows = [feature.get("properties") or {} for feature in features]
    values = {name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in schema.types}
    shapes = [None if (shape := f.get("geometry")) is None else orjson.dumps(shape).decode() for f in features]
    parsed = shapely.from_geojson(np.array(shapes, dtype=object), on_invalid="ignore")
    wkb = pa.array(shapely.to_wkb(shapely.force_2d(parsed)), pa.binary(), from_pandas=True)
    ids = [_lasting(str(f["id"])) if f.get("id") is not None else None for f in features]
    return Page(values, wkb, ids)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _lasting(number: str | None) -> str | None:
    """A feature id, unless the service makes it up anew at each request."""
    return None if number is None or _RANDOM_ID.search(number) else number


def _cut(batch: Batch, rows: int) -> Iterator[Batch]:
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
