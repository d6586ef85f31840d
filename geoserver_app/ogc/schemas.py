"""A layer's fields as JSON Schema: queryables, schema and sortables (Part 3 clause 6, Part 5)."""

from typing import Any

from geoserver_app.core.layer import Field, Layer
from geoserver_app.features.where import EXERCISE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPES: dict[str, dict[str, str]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
}
GEOMETRY_FORMAT = {
    "Point": "geometry-point",
    "MultiPoint": "geometry-multipoint",
    "LineString": "geometry-linestring",
    "MultiLineString": "geometry-multilinestring",
    "Polygon": "geometry-polygon",
    "MultiPolygon": "geometry-multipolygon",
    "Geometry": "geometry-any",
}


def described(field: Field, layer: Layer, language: str) -> dict[str, Any]:
    """One property: its title, type, unit and codes with their titles."""
    found: dict[str, Any] = {"title": field.title.to(language), **TYPES[field.type]}
    if field.unit:
        found["x-ogc-unit"] = field.unit
    if field.codes:
        values = {code.value: code.title.to(language) for code in field.codes}
        found["oneOf"] = [{"const": field.parse(value), "title": title} for value, title in values.items()]
    if field.name == layer.datetime_field:
        found["x-ogc-role"] = "primary-instant"
    return found


def exercise(language: str) -> dict[str, Any]:
    title = "Exercise: fictional" if language == "en" else "Exercice : fictif"
    return {"title": title, "type": "boolean"}


def queryables(layer: Layer, href: str, language: str) -> dict[str, Any]:
    """What a filter may name; the geometry under ``geometry``."""
    return _document(layer, href, language, {"geometry": _geometry(layer)}, closed=True)


def schema(layer: Layer, href: str, language: str) -> dict[str, Any]:
    """What a feature holds."""
    identity = {"type": "integer", "x-ogc-role": "id", "readOnly": True}
    document = _document(layer, href, language, {"id": identity, "geometry": _geometry(layer)}, closed=False)
    for at, found in enumerate(document["properties"].values()):
        found["x-ogc-propertySeq"] = at + 1
    return document


def sortables(layer: Layer, href: str, language: str) -> dict[str, Any]:
    return _document(layer, href, language, {}, closed=True)


def _geometry(layer: Layer) -> dict[str, Any]:
    return {"x-ogc-role": "primary-geometry", "format": GEOMETRY_FORMAT[layer.geometry]}


def _document(layer: Layer, href: str, language: str, first: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    properties = first | {f.name: described(f, layer, language) for f in layer.fields}
    properties[EXERCISE] = exercise(language)
    document: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": href,
        "type": "object",
        "title": layer.title.to(language),
        "properties": properties,
    }
    required = [f.name for f in layer.fields if f.required]
    if not closed and required:
        document["required"] = required
    if closed:
        document["additionalProperties"] = False
    return document
