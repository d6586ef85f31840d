"""A style: a MapLibre style document of the subset that every painter here understands."""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from geoserver_app.core.layer import LABEL_LAYER, Field, Layer
from geoserver_app.core.style_values import Context, check_filter, check_value
from geoserver_app.core.style_words import LAYOUT, PAINT, Property

Told = Iterator[tuple[str, str]]

ORDER = "maillage:order"
"""Metadata of a style layer: where it lies among those of all layers; lower is drawn first."""
DARK = "maillage:dark"
"""Metadata of a style layer: paint properties that replace its own on a dark map."""

LEGEND = "maillage:legend"
"""Metadata of a document: a field and its classes, each a value and its title, as legends name them."""

_DOCUMENT_KEYS = frozenset({"version", "name", "metadata", "sources", "layers"})
_LAYER_KEYS = frozenset(
    {"id", "type", "source", "source-layer", "minzoom", "maxzoom", "filter", "layout", "paint", "metadata"}
)
_STYLE_ID = re.compile(r"^[a-z][a-z0-9_]{0,49}$")


@dataclass(frozen=True)
class Style:
    """A checked document. Its one source and its source-layers bear the style's id, the layer of label points
    that id and ``_label``."""

    id: str
    title: str
    document: Mapping[str, Any]

    def layers_for(self, layer_id: str, *, labelled: bool = True) -> list[dict[str, Any]]:
        """The style's layers for a layer that uses it, whatever its id.

        Where the layer's tiles have no label points, names are written on the shapes themselves.
        """
        prefix = "" if layer_id == self.id else f"{layer_id}_"
        drawn = []
        for one in self.document["layers"]:
            points = labelled and one["source-layer"] != self.id
            within = f"{layer_id}{LABEL_LAYER}" if points else layer_id
            drawn.append({**one, "id": f"{prefix}{one['id']}", "source": layer_id, "source-layer": within})
        return drawn


def mistakes(
    document: Mapping[str, Any], style_id: str, layer: Layer | None, *, icons: AbstractSet[str] | None = None
) -> list[tuple[str, str]]:
    """Dotted key and sentence of everything that leaves the subset or does not fit the layer.

    Without a layer (a style nobody uses yet) fields are not looked up; without ``icons``, images are not.
    """
    return list(_document(document, style_id, layer, icons))


def _document(document: Mapping[str, Any], style_id: str, layer: Layer | None, icons: AbstractSet[str] | None) -> Told:
    if not _STYLE_ID.match(style_id):
        yield "", f"{style_id!r} cannot be the id of a style: a lower-case letter, then letters, digits and _"
    yield from _unknown("", document, _DOCUMENT_KEYS)
    if document.get("version") != 8:
        yield "version", "must be 8"
    if "name" in document and not isinstance(document["name"], str):
        yield "name", "must be text"
    yield from _sources(document.get("sources"), style_id)
    layers = document.get("layers")
    if not isinstance(layers, list) or not layers:
        yield "layers", "must be a list of at least one style layer"
        layers = []
    fields = {field.name: field for field in layer.fields} if layer else None
    seen: set[str] = set()
    for index, one in enumerate(layers):
        if not isinstance(one, dict):
            yield f"layers[{index}]", "must be an object"
            continue
        name = one.get("id")
        key = f"layers.{name}" if isinstance(name, str) and name else f"layers[{index}]"
        if not isinstance(name, str) or not name:
            yield f"{key}.id", "is missing"
        elif name in seen:
            yield f"{key}.id", "two style layers have this id"
        else:
            seen.add(name)
        yield from _layer(key, one, style_id, layer, _context(one, style_id, layer, fields, icons))
    yield from _document_metadata(document.get("metadata", {}), layer, fields)


def _document_metadata(metadata: object, layer: Layer | None, fields: Mapping[str, Field] | None) -> Told:
    if not isinstance(metadata, dict):
        yield "metadata", "must be an object"
        return
    if LEGEND not in metadata:
        return
    key, legend = f"metadata.{LEGEND}", metadata[LEGEND]
    if not isinstance(legend, dict) or set(legend) != {"field", "classes"}:
        yield key, 'must be {"field": …, "classes": […]}'
        return
    if layer and fields is not None and legend["field"] not in fields:
        yield f"{key}.field", f"{layer.id!r} has no field {legend['field']!r}"
    classes = legend["classes"]
    if not isinstance(classes, list) or not classes:
        yield f"{key}.classes", "must be a list of at least one class"
        return
    for index, one in enumerate(classes):
        if not _is_class(one):
            yield f"{key}.classes[{index}]", 'must be {"value": …, "title": {"fr": …, "en": …}}'


def _is_class(one: object) -> bool:
    if not isinstance(one, dict) or set(one) != {"value", "title"}:
        return False
    title = one["title"]
    if not isinstance(title, dict) or set(title) != {"fr", "en"}:
        return False
    return isinstance(one["value"], str | int | float) and all(isinstance(t, str) and t for t in title.values())


def _sources(sources: object, style_id: str) -> Told:
    wanted = {style_id: {"type": "vector", "url": f"maillage://{style_id}"}}
    if sources != wanted:
        yield "sources", f'must be {{"{style_id}": {{"type": "vector", "url": "maillage://{style_id}"}}}}'


def _context(
    one: Mapping[str, Any],
    style_id: str,
    layer: Layer | None,
    fields: Mapping[str, Field] | None,
    icons: AbstractSet[str] | None,
) -> Context:
    """What the expressions of a style layer may name: label points carry the label alone."""
    if fields and layer and one.get("source-layer") == f"{style_id}{LABEL_LAYER}":
        named = {name: field for name, field in fields.items() if name == layer.label}
        return Context(layer.label_layer, named, icons)
    return Context(layer.id if layer else style_id, fields, icons)


def _layer(key: str, one: Mapping[str, Any], style_id: str, layer: Layer | None, context: Context) -> Told:
    yield from _unknown(key, one, _LAYER_KEYS)
    if one.get("source") != style_id:
        yield f"{key}.source", f"must be {style_id!r}, the style's own id"
    points = f"{style_id}{LABEL_LAYER}"
    if one.get("source-layer") == points:
        if layer and not layer.names_areas:
            yield f"{key}.source-layer", f"{layer.id!r} has no label points: only surfaces with a name of their own do"
    elif one.get("source-layer") != style_id:
        yield f"{key}.source-layer", f"must be {style_id!r}, the style's own id, or {points!r}"
    for word in ("minzoom", "maxzoom"):
        if word in one and (isinstance(one[word], bool) or not isinstance(one[word], int | float)):
            yield f"{key}.{word}", "must be a number"
    if "filter" in one:
        yield from check_filter(f"{key}.filter", one["filter"], context)
    kind = str(one.get("type"))
    if kind not in PAINT:
        yield f"{key}.type", f"{kind!r} is not one of {', '.join(PAINT)}"
        return
    yield from _properties(f"{key}.paint", one.get("paint", {}), PAINT[kind], context)
    yield from _properties(f"{key}.layout", one.get("layout", {}), LAYOUT[kind], context)
    yield from _metadata(f"{key}.metadata", one.get("metadata", {}), PAINT[kind], context)


def _properties(key: str, values: object, known: Mapping[str, Property], context: Context) -> Told:
    if not isinstance(values, dict):
        yield key, "must be an object"
        return
    yield from _unknown(key, values, known.keys())
    for name, value in values.items():
        if name in known:
            yield from check_value(f"{key}.{name}", value, known[name], context)


def _metadata(key: str, metadata: object, paint: Mapping[str, Property], context: Context) -> Told:
    if not isinstance(metadata, dict):
        yield key, "must be an object"
        return
    order = metadata.get(ORDER, 0)
    if isinstance(order, bool) or not isinstance(order, int | float):
        yield f"{key}.{ORDER}", "must be a number"
    yield from _properties(f"{key}.{DARK}", metadata.get(DARK, {}), paint, context)


def _unknown(key: str, values: Mapping[str, Any], known: AbstractSet[str]) -> Told:
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "it is not in the supported subset of MapLibre styles"
            yield f"{key}.{name}" if key else name, f"unknown key; {hint}"
