"""The OpenAPI 3.0.3 definition of the OGC API.

Written by hand because clients read it: QGIS takes its page size from the parameter `limit`, and
OGC's test suite demands the exact schemas of `bbox`, `limit` and `datetime` (Part 1, 7.15).
"""

from collections.abc import Iterable
from typing import Any

from geoserver_app.core.crs import CRS84_URI
from geoserver_app.core.publication import Published
from geoserver_app.ogc.documents import ABSTRACT, TITLE
from geoserver_app.ogc.links import GEOJSON, HTML, JSON, OPENAPI, SCHEMA
from geoserver_app.ogc.offered import ITEM_FORMATS, ITEMS_FORMATS
from geoserver_app.ogc.tiles_openapi import openapi_paths
from geoserver_app.settings import Settings

Document = dict[str, Any]


def openapi(base: str, found: Iterable[Published], settings: Settings, language: str) -> Document:
    """The definition as this caller may know it: the collections are those they may see."""
    ids = [published.id for published in found]
    return {
        "openapi": "3.0.3",
        "info": {"title": TITLE[language], "version": "1.0.0", "description": ABSTRACT[language]},
        "servers": [{"url": f"{base}/ogc"}],
        "tags": [{"name": "Capabilities"}, {"name": "Data"}, {"name": "Tiles"}],
        "paths": {**_documents(), **_features(), **_tiles()},
        "components": {
            "parameters": {**_parameters(settings), "collectionId": _collection_id(ids)},
            "schemas": _schemas(),
            "responses": _responses(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{}, {"bearer": []}, {"basic": []}, {"key": []}],
    }


def _ref(kind: str, name: str) -> Document:
    return {"$ref": f"#/components/{kind}/{name}"}


def _content(media: Iterable[str], schema: str) -> Document:
    shapes = {JSON: _ref("schemas", schema), GEOJSON: _ref("schemas", schema), SCHEMA: {"type": "object"}}
    return {kind: {"schema": shapes.get(kind, {"type": "string"})} for kind in media}


def _get(
    operation: str, summary: str, tag: str, parameters: Iterable[str], content: Document, *, errors: tuple[str, ...]
) -> Document:
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "tags": [tag],
            "parameters": [_ref("parameters", name) for name in (*parameters, "f", "lang")],
            "responses": {
                "200": {"description": summary, "content": content},
                **{code: _ref("responses", code) for code in errors},
                "default": _ref("responses", "Problem"),
            },
        }
    }


def _documents() -> Document:
    page = (JSON, HTML)
    some = ("400", "404", "406")
    one = ("collectionId",)
    return {
        "/": _get("getLandingPage", "Landing page", "Capabilities", (), _content(page, "landingPage"), errors=()),
        "/conformance": _get(
            "getConformance", "Conformance classes", "Capabilities", (), _content(page, "confClasses"), errors=()
        ),
        "/api": _get(
            "getApi", "This definition", "Capabilities", (), {OPENAPI: {"schema": {"type": "object"}}}, errors=()
        ),
        "/collections": _get(
            "getCollections", "The collections", "Capabilities", (), _content(page, "collections"), errors=()
        ),
        "/collections/{collectionId}": _get(
            "describeCollection", "A collection", "Capabilities", one, _content(page, "collection"), errors=some
        ),
        **{
            f"/collections/{{collectionId}}/{word}": _get(
                f"get{word.capitalize()}", text, "Capabilities", one, _content((SCHEMA, HTML), ""), errors=some
            )
            for word, text in (
                ("queryables", "What a filter may name"),
                ("schema", "What a feature holds"),
                ("sortables", "What sortby may name"),
            )
        },
    }


def _features() -> Document:
    items = (
        "collectionId", "bbox", "bbox-crs", "datetime", "limit", "crs", "filter", "filter-lang", "filter-crs",
        "sortby", "properties", "skipGeometry", "cursor",
    )  # fmt: skip
    item = ("collectionId", "featureId", "crs", "properties", "skipGeometry")
    some = ("400", "404", "406")
    return {
        "/collections/{collectionId}/items": _get(
            "getFeatures",
            "Features of a collection",
            "Data",
            items,
            _content(ITEMS_FORMATS.values(), "featureCollection"),
            errors=some,
        ),
        "/collections/{collectionId}/items/{featureId}": _get(
            "getFeature", "A feature", "Data", item, _content(ITEM_FORMATS.values(), "feature"), errors=some
        ),
    }


def _tiles() -> Document:
    return {path.removeprefix("/ogc"): item for path, item in openapi_paths().items()}


def _query(name: str, description: str, schema: Document, **more: object) -> Document:
    made = {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
    return made | {"style": "form", "explode": False} | more


def _collection_id(ids: list[str]) -> Document:
    schema: Document = {"type": "string"}
    if ids:
        schema["enum"] = ids
    return {"name": "collectionId", "in": "path", "required": True, "schema": schema}


def _parameters(settings: Settings) -> Document:
    number = {"type": "number"}
    text = {"type": "string"}
    uri = {"type": "string", "format": "uri"}
    names = {"type": "array", "items": {"type": "string"}}
    return {
        "featureId": {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}},
        "f": _query("f", "Format of the answer; wins over Accept", text),
        "lang": _query("lang", "Language of titles", {"type": "string", "enum": ["fr", "en"]}),
        "limit": _query(
            "limit",
            "Most features of a page. Downloads (csv, fgb, gpkg) hold everything when it is left out.",
            {"type": "integer", "minimum": 1, "maximum": settings.items_max, "default": settings.items_default},
        ),
        "bbox": _query(
            "bbox",
            "Only features that meet this box, in the axis order of bbox-crs",
            {"type": "array", "minItems": 4, "maxItems": 6, "items": number},
        ),
        "bbox-crs": _query("bbox-crs", "CRS of bbox", {**uri, "default": CRS84_URI}),
        "datetime": _query("datetime", "A time or an interval of RFC 3339; `..` is an open end", text),
        "crs": _query("crs", "CRS of the features returned", {**uri, "default": CRS84_URI}),
        "filter": _query("filter", "A condition in CQL2", text),
        "filter-lang": _query(
            "filter-lang",
            "Encoding of filter",
            {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"},
        ),
        "filter-crs": _query("filter-crs", "CRS of the geometries in filter", {**uri, "default": CRS84_URI}),
        "sortby": _query("sortby", "Properties to sort by, `-` for descending: +name,-date", names),
        "properties": _query("properties", "Properties to return", names),
        "skipGeometry": _query("skipGeometry", "Leave the geometry out", {"type": "boolean", "default": False}),
        "cursor": _query("cursor", "Where the next page starts; found in the link `next`", text),
    }


def _schemas() -> Document:
    links = {"type": "array", "items": _ref("schemas", "link")}
    text = {"type": "string"}
    return {
        "link": {
            "type": "object",
            "required": ["href", "rel"],
            "properties": {"href": text, "rel": text, "type": text, "title": text},
        },
        "landingPage": {
            "type": "object",
            "required": ["links"],
            "properties": {"title": text, "description": text, "links": links},
        },
        "confClasses": {
            "type": "object",
            "required": ["conformsTo"],
            "properties": {"conformsTo": {"type": "array", "items": text}},
        },
        "collections": {
            "type": "object",
            "required": ["links", "collections"],
            "properties": {"links": links, "collections": {"type": "array", "items": _ref("schemas", "collection")}},
        },
        "collection": {
            "type": "object",
            "required": ["id", "links"],
            "properties": {
                "id": text,
                "title": text,
                "description": text,
                "links": links,
                "extent": {"type": "object"},
                "itemType": {"type": "string", "default": "feature"},
                "crs": {"type": "array", "items": text},
                "storageCrs": text,
            },
        },
        "featureCollection": {
            "type": "object",
            "required": ["type", "features"],
            "properties": {
                "type": {"type": "string", "enum": ["FeatureCollection"]},
                "features": {"type": "array", "items": _ref("schemas", "feature")},
                "links": links,
                "timeStamp": {"type": "string", "format": "date-time"},
                "numberMatched": {"type": "integer", "minimum": 0},
                "numberReturned": {"type": "integer", "minimum": 0},
            },
        },
        "feature": {
            "type": "object",
            "required": ["type", "geometry", "properties"],
            "properties": {
                "type": {"type": "string", "enum": ["Feature"]},
                "id": {"type": "integer"},
                "geometry": {"type": "object", "nullable": True},
                "properties": {"type": "object", "nullable": True},
                "links": links,
            },
        },
        "problem": {
            "type": "object",
            "properties": {
                "type": text,
                "title": text,
                "status": {"type": "integer"},
                "detail": text,
                "parameter": text,
            },
        },
    }


def _responses() -> Document:
    content = {"application/problem+json": {"schema": _ref("schemas", "problem")}}
    told = {
        "400": "A parameter is unknown or cannot be read",
        "404": "There is no such thing here",
        "406": "No format that is accepted is offered",
        "Problem": "What went wrong (RFC 9457)",
    }
    return {name: {"description": text, "content": content} for name, text in told.items()}
