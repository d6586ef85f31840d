"""What a map needs to know of a tile set: TileJSON 3.0.0, and the same facts for a pack."""

from typing import Any

from geoserver_app.core.layer import Box, Field
from geoserver_app.core.publication import Published
from geoserver_app.tiles.vector import tile_fields

DEEPEST = 99
KINDS = {"string": "String", "integer": "Number", "number": "Number", "boolean": "Boolean"}
"""Words of the TileJSON examples for a field's type; dates and times travel as text."""


def vector_layers(layers: tuple[Published, ...], language: str) -> list[dict[str, Any]]:
    found = [_vector_layer(published, published.id, tile_fields(published, DEEPEST), language) for published in layers]
    for published in layers:
        if published.label:
            fields = (published.layer.field(published.label),)
            found.append(_vector_layer(published, published.layer.label_layer, fields, language))
    return found


def _vector_layer(published: Published, name: str, fields: tuple[Field, ...], language: str) -> dict[str, Any]:
    return {
        "id": name,
        "description": published.layer.title.to(language),
        "minzoom": published.layer.zoom.min,
        "maxzoom": published.layer.zoom.max,
        "fields": {f.name: _field(f, language) for f in fields},
    }


def _field(field: Field, language: str) -> str:
    title = field.title.to(language)
    unit = f", {field.unit}" if field.unit else ""
    return f"{KINDS.get(field.type, 'String')} ({title}{unit})"


def attribution(layers: tuple[Published, ...]) -> str:
    """Every owner once, in the order of the layers."""
    return ", ".join(dict.fromkeys(p.licence.attribution for p in layers if p.licence.attribution))


def bounds(layers: tuple[Published, ...]) -> Box | None:
    """The CRS84 box around all layers that have rows."""
    boxes = [p.publication.bbox for p in layers if p.publication.bbox]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return (min(west), min(south), max(east), max(north))


def tilejson(layers: tuple[Published, ...], address: str, language: str) -> dict[str, Any]:
    """TileJSON of one tile set of these layers; ``address`` is the template of a tile."""
    lowest = min(p.layer.zoom.min for p in layers)
    document: dict[str, Any] = {
        "tilejson": "3.0.0",
        "id": ",".join(p.id for p in layers),
        "name": ", ".join(p.layer.title.to(language) for p in layers),
        "description": "\n".join(p.layer.abstract.to(language) for p in layers if p.layer.abstract.to(language)),
        # The minor number must grow when tiles change (TileJSON 3.0.0, 3.17); a sum of revisions does.
        "version": f"1.{sum(p.revision for p in layers)}.0",
        "attribution": attribution(layers),
        "scheme": "xyz",
        "tiles": [address],
        "minzoom": lowest,
        "maxzoom": max(p.layer.zoom.max for p in layers),
        "vector_layers": vector_layers(layers, language),
    }
    around = bounds(layers)
    if around:
        document["bounds"] = list(around)
        document["center"] = [(around[0] + around[2]) / 2, (around[1] + around[3]) / 2, lowest]
    return document
