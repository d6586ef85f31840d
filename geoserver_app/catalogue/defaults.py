"""A style for a layer nobody has drawn yet."""

from typing import Any
from zlib import crc32

from geoserver_app.core.layer import LABEL_LAYER, Layer
from geoserver_app.core.style import DARK, ORDER

PALETTE: tuple[tuple[str, str], ...] = (
    ("#3b6fa0", "#8ab6dd"),
    ("#b4552d", "#eb9b78"),
    ("#2f7f6f", "#7cc9ba"),
    ("#8a5a9e", "#c9a3d8"),
    ("#a8791c", "#e2bd6a"),
    ("#a13d63", "#e08fae"),
    ("#4a7a2c", "#a3cc85"),
    ("#4f5d73", "#aab7cb"),
)
"""A colour for the day and its lighter twin for the night. Neighbours differ in lightness as well as
in hue, so that people who do not see red and green apart still tell them apart."""

_HALO, _DARK_HALO = "#fbfaf7", "#1b2027"
_TEXT, _DARK_TEXT = "#2b333c", "#e6e9ee"
_ORDERS = {"fill": 100, "line": 200, "circle": 300, "symbol": 400}
_OUTLINE_ORDER = 150

StyleLayer = dict[str, Any]


def default_style(layer: Layer) -> dict[str, Any]:
    """A MapLibre style by geometry type, in a colour that follows from the layer's id."""
    day, night = PALETTE[crc32(layer.id.encode()) % len(PALETTE)]
    dimension = layer.dimension
    drawn: list[StyleLayer] = []
    if dimension in {2, None}:
        drawn += _area(layer, day)
    if dimension in {1, None}:
        drawn.append(_line(layer, day))
    if dimension in {0, None}:
        drawn.append(_point(layer, day))
    names = {field.name for field in layer.tile_fields}
    if layer.label in names:
        drawn.append(_label(layer))
    for one in drawn:
        order = _OUTLINE_ORDER if one["id"].endswith("_outline") else _ORDERS[one["type"]]
        one["metadata"] = {ORDER: order, DARK: _dark(one["paint"], night)}
    return {
        "version": 8,
        "name": layer.title.fr,
        "sources": {layer.style_id: {"type": "vector", "url": f"maillage://{layer.style_id}"}},
        "layers": drawn,
    }


def _layer(layer: Layer, name: str, kind: str, dimension: int, **rest: Any) -> StyleLayer:
    one: StyleLayer = {
        "id": f"{layer.id}_{name}",
        "type": kind,
        "source": layer.style_id,
        "source-layer": layer.style_id,
    }
    if layer.dimension is None:
        one["filter"] = ["==", ["geometry-type"], ("Point", "LineString", "Polygon")[dimension]]
    return {**one, **rest}


def _area(layer: Layer, colour: str) -> list[StyleLayer]:
    width = ["interpolate", ["linear"], ["zoom"], 8, 0.4, 14, 1.2, 18, 2]
    return [
        _layer(layer, "area", "fill", 2, paint={"fill-color": colour, "fill-opacity": 0.3}),
        _layer(
            layer,
            "outline",
            "line",
            2,
            layout={"line-join": "round"},
            paint={"line-color": colour, "line-width": width, "line-opacity": 0.85},
        ),
    ]


def _line(layer: Layer, colour: str) -> StyleLayer:
    width = ["interpolate", ["exponential", 1.4], ["zoom"], 6, 0.6, 12, 1.6, 18, 6]
    return _layer(
        layer,
        "line",
        "line",
        1,
        layout={"line-cap": "round", "line-join": "round"},
        paint={"line-color": colour, "line-width": width},
    )


def _point(layer: Layer, colour: str) -> StyleLayer:
    radius = ["interpolate", ["linear"], ["zoom"], 6, 1.8, 11, 3.5, 16, 6.5]
    stroke = ["interpolate", ["linear"], ["zoom"], 6, 0.4, 12, 1.4]
    paint = {
        "circle-color": colour,
        "circle-radius": radius,
        "circle-stroke-color": _HALO,
        "circle-stroke-width": stroke,
    }
    return _layer(layer, "point", "circle", 0, paint=paint)


def _label(layer: Layer) -> StyleLayer:
    placement: dict[str, Any] = {"symbol-placement": "line"} if layer.dimension == 1 else {}
    if layer.dimension == 0:
        placement = {"text-anchor": "top", "text-offset": [0, 0.7]}
    name = ["to-string", ["coalesce", ["get", layer.label], ""]]
    layout = {
        "text-field": name,
        "text-font": ["Noto Sans Regular"],
        "text-size": ["interpolate", ["linear"], ["zoom"], 10, 11, 16, 13],
        "text-max-width": 9,
        **placement,
    }
    paint = {"text-color": _TEXT, "text-halo-color": _HALO, "text-halo-width": 1.4}
    within = f"{layer.style_id}{LABEL_LAYER}" if layer.names_areas else layer.style_id
    one = {"id": f"{layer.id}_label", "type": "symbol", "source": layer.style_id, "source-layer": within}
    return {**one, "minzoom": 13 if layer.dimension == 1 else 11, "layout": layout, "paint": paint}


def _dark(paint: dict[str, Any], colour: str) -> dict[str, str]:
    words = {"fill-color": colour, "line-color": colour, "circle-color": colour, "circle-stroke-color": _DARK_HALO}
    words |= {"text-color": _DARK_TEXT, "text-halo-color": _DARK_HALO}
    return {name: words[name] for name in paint if name in words}
