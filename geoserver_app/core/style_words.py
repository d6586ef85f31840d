"""The words of the style subset: layer types, their properties, and the operators of expressions.

A strict subset of the MapLibre style specification, version 8: whatever is written in these words
means the same in MapLibre, in the map painter, in the legend and in the SLD.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "color", "text", "image", "numbers", "fonts", "boolean", "choice"]


@dataclass(frozen=True)
class Property:
    """What a property holds. ``by_feature`` False: it may depend on the zoom, not on the feature."""

    kind: Kind
    choices: tuple[str, ...] = ()
    by_feature: bool = True
    length: int | None = None


_NUMBER = Property("number")
_COLOR = Property("color")
_PAIR = Property("numbers", length=2)

_VISIBILITY = {"visibility": Property("choice", ("visible", "none"), by_feature=False)}

PAINT: Mapping[str, Mapping[str, Property]] = {
    "fill": {
        "fill-color": _COLOR,
        "fill-opacity": _NUMBER,
        "fill-outline-color": _COLOR,
        "fill-pattern": Property("image"),
        "fill-antialias": Property("boolean", by_feature=False),
    },
    "line": {
        "line-color": _COLOR,
        "line-width": _NUMBER,
        "line-opacity": _NUMBER,
        "line-dasharray": Property("numbers", by_feature=False),
        "line-offset": _NUMBER,
        "line-gap-width": _NUMBER,
    },
    "circle": {
        "circle-color": _COLOR,
        "circle-radius": _NUMBER,
        "circle-opacity": _NUMBER,
        "circle-stroke-color": _COLOR,
        "circle-stroke-width": _NUMBER,
        "circle-stroke-opacity": _NUMBER,
    },
    "symbol": {
        "text-color": _COLOR,
        "text-opacity": _NUMBER,
        "text-halo-color": _COLOR,
        "text-halo-width": _NUMBER,
        "icon-opacity": _NUMBER,
    },
}

_ANCHORS = (
    "center", "left", "right", "top", "bottom", "top-left", "top-right", "bottom-left", "bottom-right",
)  # fmt: skip
_ALIGNMENT = Property("choice", ("map", "viewport", "auto"), by_feature=False)

LAYOUT: Mapping[str, Mapping[str, Property]] = {
    "fill": {**_VISIBILITY, "fill-sort-key": _NUMBER},
    "line": {
        **_VISIBILITY,
        "line-cap": Property("choice", ("butt", "round", "square"), by_feature=False),
        "line-join": Property("choice", ("bevel", "round", "miter")),
        "line-sort-key": _NUMBER,
    },
    "circle": {**_VISIBILITY, "circle-sort-key": _NUMBER},
    "symbol": {
        **_VISIBILITY,
        "symbol-placement": Property("choice", ("point", "line", "line-center"), by_feature=False),
        "symbol-spacing": Property("number", by_feature=False),
        "symbol-sort-key": _NUMBER,
        "text-field": Property("text"),
        "text-font": Property("fonts"),
        "text-size": _NUMBER,
        "text-max-width": _NUMBER,
        "text-anchor": Property("choice", _ANCHORS),
        "text-offset": _PAIR,
        "text-justify": Property("choice", ("auto", "left", "center", "right")),
        "text-letter-spacing": _NUMBER,
        "text-transform": Property("choice", ("none", "uppercase", "lowercase")),
        "text-rotation-alignment": _ALIGNMENT,
        "text-padding": Property("number"),
        "text-optional": Property("boolean", by_feature=False),
        "text-allow-overlap": Property("boolean", by_feature=False),
        "icon-image": Property("image"),
        "icon-size": _NUMBER,
        "icon-anchor": Property("choice", _ANCHORS),
        "icon-offset": _PAIR,
        "icon-rotation-alignment": _ALIGNMENT,
        "icon-padding": Property("number"),
        "icon-optional": Property("boolean", by_feature=False),
        "icon-allow-overlap": Property("boolean", by_feature=False),
        "icon-text-fit": Property("choice", ("none", "width", "height", "both"), by_feature=False),
        "icon-text-fit-padding": Property("numbers", by_feature=False, length=4),
    },
}

FONTS: tuple[str, ...] = ("Noto Sans Regular", "Noto Sans Italic", "Noto Sans Medium", "Noto Sans Bold")
"""Fonts whose glyphs the server has."""

OPERANDS: Mapping[str, tuple[int, int | None]] = {
    "==": (2, 2),
    "!=": (2, 2),
    "<": (2, 2),
    "<=": (2, 2),
    ">": (2, 2),
    ">=": (2, 2),
    "all": (1, None),
    "any": (1, None),
    "!": (1, 1),
    "in": (2, 2),
    "+": (2, None),
    "-": (1, 2),
    "*": (2, None),
    "/": (2, 2),
    "%": (2, 2),
    "^": (2, 2),
    "min": (1, None),
    "max": (1, None),
    "abs": (1, 1),
    "floor": (1, 1),
    "ceil": (1, 1),
    "round": (1, 1),
    "concat": (1, None),
    "upcase": (1, 1),
    "downcase": (1, 1),
    "to-string": (1, 1),
    "to-number": (1, 2),
}
"""Operators whose operands are all expressions: fewest and most of them (None: no end)."""

SPECIAL: tuple[str, ...] = (
    "get", "has", "zoom", "geometry-type", "literal", "match", "case", "step", "interpolate", "coalesce",
)  # fmt: skip
"""Operators with a form of their own."""
