"""Documents of OGC API Tiles: tile matrix sets, tile sets, and the limits within which tiles exist."""

from typing import Any

from geoserver_app.core.crs import CRS84_URI
from geoserver_app.core.layer import Field
from geoserver_app.core.publication import Published
from geoserver_app.features.grid import GRIDS, Grid, Limits
from geoserver_app.ogc.links import JSON, OGC_REL, link
from geoserver_app.tiles.tilejson import DEEPEST, attribution, bounds
from geoserver_app.tiles.vector import tile_fields
from geoserver_app.web.tiles import MVT

VECTOR = "vector"
SCHEMA_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}
FORMATS = {"date": "date", "datetime": "date-time"}


def matrix_sets(base: str) -> dict[str, Any]:
    here = f"{base}/ogc/tileMatrixSets"
    listed = [
        {
            "id": grid.id,
            "title": grid.title,
            **({"uri": grid.uri} if grid.uri else {}),
            "crs": grid.crs.uri,
            "links": [link("self", f"{here}/{grid.id}", JSON, grid.title)],
        }
        for grid in GRIDS
    ]
    return {"tileMatrixSets": listed, "links": [link("self", here, JSON)]}


def levels(layers: tuple[Published, ...], grid: Grid) -> range:
    """Levels at which these layers have tiles of their own making; deeper ones only enlarge."""
    first = min((p.layer.zoom.min for p in layers), default=0)
    last = max((p.layer.zoom.max for p in layers), default=0)
    return range(grid.level(first), grid.level(last) + 1)


def limits_at(layers: tuple[Published, ...], grid: Grid, level: int) -> Limits | None:
    """Tiles of a level that the layers' extent touches."""
    return grid.limits(level, bounds(layers))


def tileset_list(layers: tuple[Published, ...], base: str, here: str, query: str, title: str) -> dict[str, Any]:
    """The list, each entry with its limits and its tile template: clients need not ask again."""
    listed = [_entry(layers, grid, base, here, query, title) for grid in GRIDS]
    return {"tilesets": listed, "links": [link("self", here + query, JSON, title)]}


def tileset(
    layers: tuple[Published, ...], grid: Grid, base: str, here: str, query: str, title: str, language: str
) -> dict[str, Any]:
    """Metadata of one tile set (OGC 2D TMS 2.0, clause 8): what the list says, the layers and their fields."""
    document = _entry(layers, grid, base, here, query, title)
    document["attribution"] = attribution(layers)
    document["license"] = ", ".join(dict.fromkeys(p.licence.name for p in layers))
    document["layers"] = [_layer(published, grid, language) for published in layers]
    document["layers"] += [_label_layer(published, grid, language) for published in layers if published.label]
    return document


def _entry(layers: tuple[Published, ...], grid: Grid, base: str, here: str, query: str, title: str) -> dict[str, Any]:
    home = f"{base}/ogc/tileMatrixSets/{grid.id}"
    template = f"{here}/{grid.id}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}{query}"
    scheme = link(f"{OGC_REL}tiling-scheme", home, JSON, grid.title)
    document: dict[str, Any] = {
        "title": title,
        "dataType": VECTOR,
        "crs": grid.crs.uri,
        "tileMatrixSetId": grid.id,
        "tileMatrixSetURI": grid.uri or home,
        "tileMatrixSetLimits": [_limits(found) for found in _all_limits(layers, grid)],
        "links": [
            link("self", f"{here}/{grid.id}{query}", JSON, title),
            scheme,
            link("item", template, MVT, "Tiles", templated=True),
        ],
    }
    around = bounds(layers)
    if around:
        document["boundingBox"] = {"lowerLeft": around[:2], "upperRight": around[2:], "crs": CRS84_URI}
    return document


def _all_limits(layers: tuple[Published, ...], grid: Grid) -> list[Limits]:
    found = (limits_at(layers, grid, level) for level in levels(layers, grid))
    return [limits for limits in found if limits is not None]


def _limits(limits: Limits) -> dict[str, Any]:
    return {
        "tileMatrix": str(limits.level),
        "minTileRow": limits.top,
        "maxTileRow": limits.bottom,
        "minTileCol": limits.left,
        "maxTileCol": limits.right,
    }


def _layer(published: Published, grid: Grid, language: str) -> dict[str, Any]:
    layer = published.layer
    found = levels((published,), grid)
    described: dict[str, Any] = {
        "id": layer.id,
        "title": layer.title.to(language),
        "dataType": VECTOR,
        "minTileMatrix": str(found.start),
        "maxTileMatrix": str(found.stop - 1),
        "propertiesSchema": {
            "type": "object",
            "properties": {f.name: _property(f, language) for f in tile_fields(published, DEEPEST)},
        },
    }
    if layer.dimension is not None:
        described["geometryDimension"] = layer.dimension
    return described


def _label_layer(published: Published, grid: Grid, language: str) -> dict[str, Any]:
    """The points at which surfaces are named, a layer of its own in the tiles."""
    fields = {f.name: _property(f, language) for f in published.layer.fields if f.name == published.label}
    schema = {"type": "object", "properties": fields}
    described = _layer(published, grid, language)
    return described | {"id": published.layer.label_layer, "propertiesSchema": schema, "geometryDimension": 0}


def _property(field: Field, language: str) -> dict[str, str]:
    said = {"title": field.title.to(language), "type": SCHEMA_TYPES.get(field.type, "string")}
    if field.type in FORMATS:
        said["format"] = FORMATS[field.type]
    return said
