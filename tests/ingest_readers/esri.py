"""A pretend ArcGIS layer of numbered points, with the faults of real ones switched on by name."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.ingest_readers.server import Answer, Asked

LAYER: dict[str, Any] = {
    "currentVersion": 10.91,
    "id": 7,
    "name": "Sirènes",
    "type": "Feature Layer",
    "geometryType": "esriGeometryPoint",
    "extent": {"spatialReference": {"wkid": 31370, "latestWkid": 31370}},
    "fields": [
        {"name": "OBJECTID", "type": "esriFieldTypeOID"},
        {"name": "CODE", "type": "esriFieldTypeString", "domain": {"type": "codedValue"}},
        {"name": "HAUTEUR", "type": "esriFieldTypeDouble"},
        {"name": "POSE", "type": "esriFieldTypeDate"},
        {"name": "SHAPE", "type": "esriFieldTypeGeometry"},
    ],
    "capabilities": "Map,Query,Data",
    "maxRecordCount": 10,
    "advancedQueryCapabilities": {"supportsPagination": True, "supportsOrderBy": True},
}


def error(code: int, message: str, *details: str) -> Answer:
    """An error as ArcGIS sends it, with status 200."""
    return say({"error": {"code": code, "message": message, "details": list(details)}})


def say(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value).encode(), status, {"Content-Type": "application/json"})


@dataclass
class Layer:
    count: int = 37
    page: int = 10
    pages: bool = True
    """False: paging is refused, even offset 0."""
    admits: bool = True
    """Whether the description says that paging is refused."""
    short: Callable[[int], int] = lambda offset: 10**9
    """Most rows of the page at an offset."""
    faults: list[Answer] = field(default_factory=list)
    """Answers given first to row queries, once each."""
    counts: list[int] = field(default_factory=list)
    """Counts told one after the other; the last one stays."""
    flag: str = "top"
    """Where exceededTransferLimit is written: top, properties, never."""
    address_max: int = 2000
    description: dict[str, Any] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Answer:
        if len(asked.target) > self.address_max:
            return Answer(b"<html>Request-URI Too Large</html>", 414)
        assert asked.query.get("f") == "json"
        if not asked.path.endswith("/query"):
            paging = {"supportsPagination": self.pages or not self.admits, "supportsOrderBy": True}
            return say({**LAYER, "maxRecordCount": self.page, "advancedQueryCapabilities": paging, **self.description})
        if asked.query.get("returnCountOnly") == "true":
            told = self.counts.pop(0) if len(self.counts) > 1 else (self.counts or [self.count])[0]
            return say({"count": told})
        if asked.query.get("returnIdsOnly") == "true":
            return say({"objectIdFieldName": "OBJECTID", "objectIds": list(range(1, self.count + 1))})
        if self.faults:
            return self.faults.pop(0)
        return self.rows(asked.query)

    def rows(self, query: dict[str, str]) -> Answer:
        if "objectIds" in query:
            wanted = [int(i) for i in query["objectIds"].split(",")]
            return say({"features": [self.feature(i) for i in wanted[: self.page]]})
        if not self.pages and ("resultOffset" in query or "resultRecordCount" in query):
            return error(400, "Failed to execute query.", "Pagination is not supported.")
        ids = list(range(1, self.count + 1))
        if "orderByFields" not in query:
            random.Random(query.get("resultOffset", "0")).shuffle(ids)
        offset = int(query.get("resultOffset", 0))
        size = min(int(query.get("resultRecordCount", self.page)), self.page)
        page = ids[offset : offset + size][: self.short(offset)]
        answer: dict[str, Any] = {"features": [self.feature(i) for i in page]}
        if offset + size < self.count and self.flag == "top":
            answer["exceededTransferLimit"] = True
        if offset + size < self.count and self.flag == "properties":
            answer["properties"] = {"exceededTransferLimit": True}
        return say(answer)

    def feature(self, number: int) -> dict[str, Any]:
        attributes = {"OBJECTID": number, "CODE": f"0{number}", "HAUTEUR": number / 2, "POSE": 86_400_000 * number}
        return {"attributes": attributes, "geometry": {"x": 180_000.0 + number, "y": 130_000.0, "z": 5}}
