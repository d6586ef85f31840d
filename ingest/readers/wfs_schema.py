"""What a WFS says in XML: exception reports, constraints, and the fields of a feature type."""

from dataclasses import dataclass
from typing import Any

from geoserver_app.core.layer import FieldType, GeometryType
from ingest import xml
from ingest.http import Transient
from ingest.source import BadSource

XSD_TYPES: dict[str, FieldType] = {
    **dict.fromkeys(("int", "integer", "long", "short", "byte", "nonNegativeInteger", "positiveInteger"), "integer"),
    **dict.fromkeys(("unsignedInt", "unsignedShort", "unsignedByte", "unsignedLong", "negativeInteger"), "integer"),
    **dict.fromkeys(("decimal", "double", "float"), "number"),
    "boolean": "boolean",
    "date": "date",
    "dateTime": "datetime",
}

GML_TYPES: dict[str, GeometryType] = {
    "PointPropertyType": "Point",
    "MultiPointPropertyType": "MultiPoint",
    "LineStringPropertyType": "LineString",
    "CurvePropertyType": "LineString",
    "MultiLineStringPropertyType": "MultiLineString",
    "MultiCurvePropertyType": "MultiLineString",
    "PolygonPropertyType": "Polygon",
    "MultiPolygonPropertyType": "MultiPolygon",
    "MultiSurfacePropertyType": "MultiPolygon",
}
"""A SurfacePropertyType may hold several patches and a GeometryPropertyType anything: those are "Geometry"."""


@dataclass(frozen=True)
class Schema:
    """Fields and geometry of a feature type, from DescribeFeatureType."""

    types: dict[str, FieldType]
    geometry: GeometryType


def document(body: bytes) -> Any:
    """The root of an XML answer; services send their exception reports with HTTP status 200."""
    root = xml.parse(body)
    if xml.local(root) not in ("ExceptionReport", "ServiceExceptionReport"):
        return root
    text = xml.text_of(root, "ExceptionText") or xml.text_of(root, "ServiceException") or "an exception without words"
    found = xml.find_all(root, "Exception") + xml.find_all(root, "ServiceException")
    code = str((found[0].get("exceptionCode") or found[0].get("code") or "") if found else "")
    text = f"the service reports {code or 'an exception'}: {text}"
    if code in ("", "NoApplicableCode", "OperationProcessingFailed"):
        raise Transient(text)
    raise BadSource(text)


def constraints(root: Any) -> dict[str, str]:
    """Name and default value of the constraints of the service and its GetFeature (OWS Common 1.1, 7.4.6)."""
    found: dict[str, str] = {}
    for element in xml.find_all(root, "Constraint"):
        value = xml.text_of(element, "DefaultValue") or xml.text_of(element, "Value")
        if value:
            found.setdefault(str(element.get("name")), value)
    return found


def schema_of(root: Any, type_name: str) -> Schema:
    """Fields of a feature type out of an XML Schema with one complex type a feature type."""
    wanted = type_name.rpartition(":")[2]
    types: dict[str, FieldType] = {}
    geometry: GeometryType | None = None
    for element in _members(root, wanted):
        name = element.get("name")
        kind = (element.get("type") or _restricted(element)).rpartition(":")[2]
        if not name:
            continue
        if kind.endswith("PropertyType") or kind in ("GeometryAssociationType", "AbstractGeometryType"):
            geometry = geometry or GML_TYPES.get(kind, "Geometry")
        else:
            types[name] = XSD_TYPES.get(kind, "string")
    if not types and geometry is None:
        raise BadSource(f"the service does not describe the fields of {type_name!r}")
    return Schema(types, geometry or "Geometry")


def _members(root: Any, wanted: str) -> list[Any]:
    """The elements of the complex type of a feature type, or of the only one there is."""
    complex_types = xml.find_all(root, "complexType")
    told = [e.get("type", "").rpartition(":")[2] for e in root if xml.local(e) == "element" and e.get("name") == wanted]
    mine = [e for e in complex_types if e.get("name") in (*told, f"{wanted}Type")] or complex_types[:1]
    mine = mine or [e for e in xml.find_all(root, "element") if e.get("name") == wanted]
    return [e for e in xml.find_all(mine[0], "element") if e is not mine[0]] if mine else []


def _restricted(element: Any) -> str:
    """The base of a type that only narrows another (string of at most 50 characters, say)."""
    found = xml.find_all(element, "restriction")
    return str(found[0].get("base", "")) if found else ""
