"""The conformance classes that are true of this server, by standard."""

_F = "http://www.opengis.net/spec/ogcapi-features-"
_C = "http://www.opengis.net/spec/cql2/1.0/conf/"

COMMON = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
)
FEATURES = (
    f"{_F}1/1.0/conf/core",
    f"{_F}1/1.0/conf/oas30",
    f"{_F}1/1.0/conf/geojson",
    f"{_F}1/1.0/conf/html",
    f"{_F}2/1.0/conf/crs",
    f"{_F}3/1.0/conf/queryables",
    f"{_F}3/1.0/conf/queryables-query-parameters",
    f"{_F}3/1.0/conf/filter",
    f"{_F}3/1.0/conf/features-filter",
    f"{_F}5/1.0/conf/schemas",
    f"{_F}5/1.0/conf/core-roles-features",
    f"{_F}5/1.0/conf/returnables-and-receivables",
    f"{_F}5/1.0/conf/sortables",
    f"{_F}5/1.0/conf/queryables",
)
# QGIS up to 3.42 asks for basic-spatial-operators, the drafts' name of basic-spatial-functions.
CQL2 = (
    f"{_C}cql2-text",
    f"{_C}cql2-json",
    f"{_C}basic-cql2",
    f"{_C}advanced-comparison-operators",
    f"{_C}case-insensitive-comparison",
    f"{_C}accent-insensitive-comparison",
    f"{_C}basic-spatial-functions",
    f"{_C}basic-spatial-functions-plus",
    f"{_C}basic-spatial-operators",
    f"{_C}spatial-functions",
    f"{_C}spatial-operators",
    f"{_C}temporal-functions",
    f"{_C}temporal-operators",
    f"{_C}property-property",
    f"{_C}arithmetic",
)
TILES = (
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/dataset-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/mvt",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
)
DECLARED = (*COMMON, *FEATURES, *CQL2, *TILES)
