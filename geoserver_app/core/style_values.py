"""Checks values and expressions of a style document against the subset and the layer's fields."""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import pairwise

from geoserver_app.core.layer import Field
from geoserver_app.core.style_words import FONTS, OPERANDS, SPECIAL, Property

Told = Iterator[tuple[str, str]]

_COLOR = re.compile(
    r"^(?:#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})"
    r"|rgba?\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*(?:,\s*(?:0|1|0?\.\d+|1\.0+)\s*)?\)"
    r"|hsla?\(\s*\d{1,3}\s*,\s*\d{1,3}%\s*,\s*\d{1,3}%\s*(?:,\s*(?:0|1|0?\.\d+|1\.0+)\s*)?\)"
    r"|transparent|white|black)$",
    re.IGNORECASE,
)
_DEPTH_MAX = 40


@dataclass(frozen=True)
class Context:
    """What values are checked against; None where it is not known.

    ``zoom``: whether ``["zoom"]`` may stand here. MapLibre allows it as the input of the outermost
    ``step`` or ``interpolate`` of a property, and anywhere in a filter.
    """

    layer_id: str
    fields: Mapping[str, Field] | None
    icons: AbstractSet[str] | None
    zoom: bool = False
    by_feature: bool = True
    depth: int = 0


def check_filter(key: str, value: object, context: Context) -> Told:
    """A filter is an expression that gives true or false."""
    if isinstance(value, bool):
        return
    if not isinstance(value, list):
        yield key, "must be an expression in brackets"
        return
    yield from _expression(key, value, None, replace(context, zoom=True))


def check_value(key: str, value: object, wanted: Property, context: Context) -> Told:
    """A literal of the property's kind, or an expression that gives one."""
    if isinstance(value, list) and _is_expression(value, wanted):
        outermost = value[:1] in (["step"], ["interpolate"])
        yield from _expression(key, value, wanted, replace(context, zoom=outermost, by_feature=wanted.by_feature))
    else:
        yield from _literal(key, value, wanted, context)


def _is_expression(value: list[object], wanted: Property) -> bool:
    begins = value[0] if value else None
    return wanted.kind not in {"numbers", "fonts"} or (isinstance(begins, str) and begins in {*OPERANDS, *SPECIAL})


def _literal(key: str, value: object, wanted: Property, context: Context) -> Told:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if wanted.kind == "number" and not number:
        yield key, f"must be a number, not {value!r}"
    elif wanted.kind == "boolean" and not isinstance(value, bool):
        yield key, f"must be true or false, not {value!r}"
    elif wanted.kind == "color" and not (isinstance(value, str) and _COLOR.match(value)):
        yield key, f"{value!r} is not a colour: #rrggbb, rgb(), rgba(), hsl(), hsla(), white, black, transparent"
    elif wanted.kind == "choice" and value not in wanted.choices:
        yield key, f"{value!r} is not one of {', '.join(wanted.choices)}"
    elif wanted.kind in {"text", "image"} and not isinstance(value, str):
        yield key, f"must be text, not {value!r}"
    elif wanted.kind in {"text", "image"} and "{" in str(value):
        yield key, 'fields are not written in braces; write ["get", "name"]'
    elif wanted.kind == "image" and context.icons is not None and value not in context.icons and value != "":
        yield key, f"there is no icon {value!r}; {_meant(str(value), context.icons)}"
    elif wanted.kind == "fonts":
        yield from _fonts(key, value)
    elif wanted.kind == "numbers":
        yield from _numbers(key, value, wanted)


def _fonts(key: str, value: object) -> Told:
    if not isinstance(value, list) or len(value) != 1:
        yield key, f"must be a list of one font out of {', '.join(FONTS)}"
    elif value[0] not in FONTS:
        yield key, f"{value[0]!r} is not offered; fonts are {', '.join(FONTS)}"


def _numbers(key: str, value: object, wanted: Property) -> Told:
    if not isinstance(value, list) or any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        yield key, f"must be a list of numbers, not {value!r}"
    elif wanted.length and len(value) != wanted.length:
        yield key, f"must have {wanted.length} numbers, not {len(value)}"


def _operand(key: str, value: object, wanted: Property | None, context: Context) -> Told:
    """Anything inside an expression: another expression, or a literal of the kind looked for."""
    if isinstance(value, list):
        yield from _expression(key, value, wanted, context)
    elif isinstance(value, dict):
        yield key, "objects are not in the supported subset"
    elif wanted is not None:
        yield from _literal(key, value, wanted, context)


def _expression(key: str, value: list[object], wanted: Property | None, context: Context) -> Told:
    if context.depth >= _DEPTH_MAX:
        yield key, f"expressions are nested deeper than {_DEPTH_MAX}"
        return
    context = replace(context, depth=context.depth + 1)
    operator = value[0] if value else None
    if not isinstance(operator, str) or operator not in {*OPERANDS, *SPECIAL}:
        hint = _meant(operator, {*OPERANDS, *SPECIAL}) if isinstance(operator, str) else "an operator comes first"
        yield key, f"{operator!r} is not an operator of the supported subset; {hint}"
        return
    rest = value[1:]
    key = f"{key}.{operator}"
    if operator in OPERANDS:
        fewest, most = OPERANDS[operator]
        if len(rest) < fewest or (most is not None and len(rest) > most):
            yield key, f"takes {_count(fewest, most)}, not {len(rest)}"
        for operand in rest:
            yield from _operand(key, operand, None, replace(context, zoom=context.zoom and wanted is None))
    else:
        yield from _special(operator, key, rest, wanted, context)


def _count(fewest: int, most: int | None) -> str:
    if most is None:
        return f"at least {fewest} operand{'s' if fewest > 1 else ''}"
    return f"{fewest} operand{'s' if fewest > 1 else ''}" if fewest == most else f"{fewest} to {most} operands"


def _special(operator: str, key: str, rest: list[object], wanted: Property | None, context: Context) -> Told:
    inner = replace(context, zoom=context.zoom and wanted is None)
    if operator in {"get", "has"}:
        yield from _field(key, rest, context)
    elif operator in {"zoom", "geometry-type", "literal"}:
        yield from _constant(operator, key, rest, wanted, context)
    elif operator == "coalesce":
        if not rest:
            yield key, "takes at least 1 operand"
        for operand in rest:
            yield from _operand(key, operand, wanted, inner)
    elif operator == "case":
        yield from _case(key, rest, wanted, inner)
    elif operator == "match":
        yield from _match(key, rest, wanted, inner)
    else:
        yield from _curve(operator, key, rest, wanted, context)


def _constant(operator: str, key: str, rest: list[object], wanted: Property | None, context: Context) -> Told:
    if operator == "literal":
        if len(rest) != 1 or not isinstance(rest[0], list | str | int | float | bool):
            yield key, "takes one list or value"
        elif wanted is not None:
            yield from _literal(key, rest[0], wanted, context)
    elif rest:
        yield key, "takes no operand"
    elif operator == "zoom" and not context.zoom:
        yield key, "may only be the input of the outermost step or interpolate"


def _field(key: str, rest: list[object], context: Context) -> Told:
    if len(rest) != 1 or not isinstance(rest[0], str):
        yield key, "takes the name of one field"
        return
    name = rest[0]
    if not context.by_feature:
        yield key, "this property cannot depend on the feature"
    if context.fields is None:
        return
    if name not in context.fields:
        yield key, f"the layer {context.layer_id!r} has no field {name!r}; {_meant(name, context.fields.keys())}"
    elif not context.fields[name].tiles:
        yield key, f"tiles of {context.layer_id!r} do not carry {name!r} (tiles = false in its layer file)"


def _case(key: str, rest: list[object], wanted: Property | None, context: Context) -> Told:
    if len(rest) < 3 or len(rest) % 2 == 0:
        yield key, "takes pairs of a condition and a value, then one value for all else"
        return
    for condition, output in zip(rest[0:-1:2], rest[1:-1:2], strict=True):
        yield from _operand(key, condition, None, context)
        yield from _operand(key, output, wanted, context)
    yield from _operand(key, rest[-1], wanted, context)


def _match(key: str, rest: list[object], wanted: Property | None, context: Context) -> Told:
    if len(rest) < 4 or len(rest) % 2 == 1:
        yield key, "takes an input, pairs of a value (or list of values) and an output, then one output for all else"
        return
    yield from _operand(key, rest[0], None, context)
    seen: set[object] = set()
    kinds: set[type] = set()
    for label, output in zip(rest[1:-1:2], rest[2:-1:2], strict=True):
        labels = label if isinstance(label, list) else [label]
        for one in labels:
            if not isinstance(one, str | int) or isinstance(one, bool):
                yield key, f"{one!r} cannot be matched; only text and whole numbers can"
            elif one in seen:
                yield key, f"{one!r} is matched twice"
            else:
                seen.add(one)
                kinds.add(type(one))
        yield from _operand(key, output, wanted, context)
    if len(kinds) > 1:
        yield key, "the values are text and numbers at once"
    yield from _operand(key, rest[-1], wanted, context)


def _curve(operator: str, key: str, rest: list[object], wanted: Property | None, context: Context) -> Told:
    inner = replace(context, zoom=context.zoom and wanted is None)
    if operator == "interpolate":
        if not rest or not _is_interpolation(rest[0]):
            yield key, 'begins with ["linear"] or ["exponential", base]'
            return
        if wanted is not None and wanted.kind not in {"number", "color"}:
            yield key, "only numbers and colours are interpolated; use step"
        rest = rest[1:]
    stops = rest[2:] if operator == "step" else rest[1:]
    if len(rest) < 3 or len(stops) % 2 == 1:
        yield (
            key,
            "takes an input and pairs of a number and an output" + (", a first output" if operator == "step" else ""),
        )
        return
    yield from _operand(key, rest[0], None, context)
    if operator == "step":
        yield from _operand(key, rest[1], wanted, inner)
    inputs = stops[0::2]
    numbers = [float(i) for i in inputs if isinstance(i, int | float) and not isinstance(i, bool)]
    if len(numbers) != len(inputs):
        yield key, "the inputs of its stops must be numbers"
    elif any(a >= b for a, b in pairwise(numbers)):
        yield key, "the inputs of its stops must rise"
    for output in stops[1::2]:
        yield from _operand(key, output, wanted, inner)


def _is_interpolation(value: object) -> bool:
    if value == ["linear"]:
        return True
    return (
        isinstance(value, list) and len(value) == 2 and value[0] == "exponential" and isinstance(value[1], int | float)
    )


def _meant(word: str, known: AbstractSet[str]) -> str:
    near = get_close_matches(word, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known are {', '.join(sorted(known))}" if known else "there are none"
