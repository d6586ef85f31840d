"""The paths of OGC API Tiles as OpenAPI 3.0 objects, for the one definition of the whole API."""

from typing import Any

from geoserver_app.features.grid import GRIDS
from geoserver_app.web.tiles import MVT

Item = dict[str, Any]


def openapi_paths() -> dict[str, Item]:
    """Paths with everything inline. Operation ids end as OGC 20-057, clause 13 (OpenAPI 3.0) has it."""
    collection, dataset = "/ogc/collections/{collectionId}/tiles", "/ogc/tiles"
    return {
        "/ogc/tileMatrixSets": _get("getTileMatrixSetsList", "The grids tiles are cut in", [], "application/json"),
        "/ogc/tileMatrixSets/{tileMatrixSetId}": _get("getTileMatrixSet", "One grid", [MATRIX_SET], "application/json"),
        **_tilesets(collection, ".collection.vector", [COLLECTION]),
        **_tilesets(dataset, ".dataset.vector", [COLLECTIONS]),
    }


def _tilesets(path: str, prefix: str, more: list[Item]) -> dict[str, Item]:
    one = f"{path}/{{tileMatrixSetId}}"
    tile = f"{one}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    return {
        path: _get(f"{prefix}.getTileSetsList", "The tile sets, with their limits", more, "application/json"),
        one: _get(f"{prefix}.getTileSet", "One tile set", [*more, MATRIX_SET], "application/json"),
        tile: _get(f"{prefix}.getTile", "A vector tile", [*more, MATRIX_SET, MATRIX, ROW, COLUMN, REVISION], MVT),
    }


def _get(operation: str, summary: str, parameters: list[Item], media_type: str) -> Item:
    schema: Item = {"type": "string", "format": "binary"} if media_type == MVT else {"type": "object"}
    offered = "mvt" if media_type == MVT else "json"
    form = _query("f", "Format of the answer", {"type": "string", "enum": [offered], "default": offered})
    return {
        "get": {
            "tags": ["Tiles"],
            "operationId": operation,
            "summary": summary,
            "parameters": [*parameters, form],
            "responses": {
                "200": {"description": summary, "content": {media_type: {"schema": schema}}},
                "304": {"description": "Nothing new since the ETag sent"},
                "400": _problem("A parameter is unknown or cannot be read"),
                "404": _problem("There is no such resource"),
                "503": _problem("Too much is asked just now; Retry-After says when to come back"),
            },
        }
    }


def _problem(description: str) -> Item:
    return {"description": description, "content": {"application/problem+json": {"schema": {"type": "object"}}}}


def _path(name: str, description: str, schema: Item) -> Item:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _query(name: str, description: str, schema: Item) -> Item:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


COLLECTION = _path("collectionId", "Identifier of a collection", {"type": "string"})
MATRIX_SET = _path("tileMatrixSetId", "Identifier of a grid", {"type": "string", "enum": [grid.id for grid in GRIDS]})
MATRIX = _path("tileMatrix", "Level of the grid, 0 the coarsest", {"type": "string"})
ROW = _path("tileRow", "Row of the level, counted from the top", {"type": "integer", "minimum": 0})
COLUMN = _path("tileCol", "Column of the level, counted from the left", {"type": "integer", "minimum": 0})
COLLECTIONS = _query(
    "collections", "Collections to put into the tiles, in this order; all without it", {"type": "array"}
) | {"style": "form", "explode": False}
COLLECTIONS["schema"]["items"] = {"type": "string"}
REVISION = _query("rev", "Revisions joined by '-': the answer may then be kept for good", {"type": "string"})
