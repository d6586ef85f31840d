"""Writes layer and style files the way a person would."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from geoserver_app.catalogue.files import LayerFile
from geoserver_app.catalogue.load import read_layer_text
from geoserver_app.catalogue.mistakes import CatalogError, Mistake
from geoserver_app.core.layer import Layer, Text

SCHEMA_LINE = "#:schema ./schema.json"
"""Names the JSON Schema to editors that know TOML."""

_HEAD = (
    "title", "abstract", "keywords", "group", "geometry", "crs", "style", "read", "label", "datetime", "visible",
    "exercise_only",
)  # fmt: skip
_TABLES = ("source", "licence", "zoom", "generalise", "gates", "risk")
_WIDE = 100


def layer_text(layer: Layer) -> str:
    """The TOML text of a layer; only what differs from the defaults is said."""
    document = describe(layer)
    return "\n".join(_lines(document)) + "\n"


def write_layer(path: Path, layer: Layer) -> None:
    """Write a layer file, all of it or nothing. CatalogError where the server would refuse it."""
    text = layer_text(layer)
    read_layer_text(path.name, text)
    write_whole(path, text)


def write_style(path: Path, document: Mapping[str, Any]) -> None:
    """Write a style file, all of it or nothing. Write it before the layer that uses it."""
    write_whole(path, json_text(document) + "\n")


def json_text(value: object, indent: int = 0) -> str:
    """JSON with as much on a line as fits, so that an expression stays in one piece."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (len(flat) + indent <= _WIDE and not _has_objects(value)):
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [
            f"{pad}{json.dumps(k, ensure_ascii=False)}: {json_text(v, indent + 2).lstrip()}" for k, v in value.items()
        ]
        return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"
    parts = [pad + json_text(v, indent + 2).lstrip() for v in value]
    return "[\n" + ",\n".join(parts) + "\n" + " " * indent + "]"


def _has_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(one, dict) for one in value)


def write_whole(path: Path, text: str) -> None:
    """Write a file, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def describe(layer: Layer) -> dict[str, Any]:
    """The document of a layer: what a TOML reader would give for its file."""
    document = {
        "title": _text(layer.title),
        "abstract": _text(layer.abstract),
        "keywords": list(layer.keywords),
        "group": layer.group,
        "geometry": layer.geometry,
        "crs": layer.crs,
        "style": layer.style,
        "read": sorted(layer.read),
        "label": layer.label,
        "datetime": layer.datetime_field,
        "visible": layer.visible,
        "exercise_only": layer.exercise_only,
        "source": vars(layer.source) if layer.source else None,
        "licence": vars(layer.licence),
        "zoom": vars(layer.zoom),
        "generalise": {
            **vars(layer.generalise),
            "from_zoom": [{**vars(rule), "values": list(rule.values)} for rule in layer.generalise.from_zoom],
        },
        "gates": {
            **vars(layer.gates),
            "extent": list(layer.gates.extent) if layer.gates.extent else None,
            "max_count_change": "any" if layer.gates.max_count_change is None else layer.gates.max_count_change,
        },
        "risk": {**vars(layer.risk), "severity": dict(layer.risk.severity)} if layer.risk else None,
        "field": [_field(field) for field in layer.fields],
    }
    try:
        file = LayerFile.model_validate(document)
    except ValidationError as error:
        mistakes = (Mistake(f"{layer.id}.toml", ".".join(map(str, e["loc"])), e["msg"]) for e in error.errors())
        raise CatalogError(mistakes) from None
    return file.model_dump(exclude_defaults=True)


def _text(text: Text) -> dict[str, str] | None:
    """A text in one language stands for both."""
    return {"fr": text.fr or text.en, "en": text.en or text.fr} if text.fr or text.en else None


def _field(field: Any) -> dict[str, Any]:
    said = {name: value for name, value in vars(field).items() if name != "codes"}
    codes = [{"source": code.source, "value": code.value, "title": _text(code.title)} for code in field.codes]
    said |= {"title": _text(field.title), "read": sorted(field.read), "nulls": list(field.nulls), "code": codes}
    return said


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield SCHEMA_LINE
    for name in _HEAD:
        if name in document:
            yield from _pair(name, document[name])
    for name in _TABLES:
        if document.get(name):
            yield ""
            yield f"[{name}]"
            for key, value in document[name].items():
                yield from _pair(key, value)
        elif name == "risk" and "risk" in document:
            yield from ("", "[risk]")
    for field in document.get("field", ()):
        yield ""
        yield "[[field]]"
        for key, value in field.items():
            yield from _pair(key, value)


def _pair(key: str, value: Any) -> Iterator[str]:
    line = f"{_key(key)} = {_value(value)}"
    if isinstance(value, list) and (len(line) > _WIDE or any(isinstance(one, dict) for one in value)):
        yield f"{_key(key)} = ["
        for one in value:
            yield f"    {_value(one)},"
        yield "]"
    else:
        yield line


def _key(text: str) -> str:
    return text if text and all(c.isascii() and (c.isalnum() or c in "-_") for c in text) else _quoted(text)


def _quoted(text: str) -> str:
    # A TOML basic string has JSON's escapes, and may not hold DEL as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)
