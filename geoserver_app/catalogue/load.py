"""From the two folders to a :class:`Catalog`, or to every mistake in them."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from geoserver_app.catalogue.files import FieldPart, LayerFile, TextPart
from geoserver_app.catalogue.groups import GROUPS, Group
from geoserver_app.catalogue.mistakes import CatalogError, Mistake, meant
from geoserver_app.catalogue.rules import check_id, check_rules
from geoserver_app.catalogue.structure import read_structure
from geoserver_app.core.access import readers
from geoserver_app.core.layer import (
    Code,
    Field,
    FromZoom,
    Gates,
    Generalise,
    Layer,
    Licence,
    Risk,
    Source,
    Text,
    Zoom,
)
from geoserver_app.core.style import Style, mistakes
from geoserver_app.settings import PACKAGE

FILE_BYTES_MAX = 1_000_000
"""A layer or style file beyond this is a mistake of another kind (data in the wrong folder)."""

_LINE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class Catalog:
    """All layers and styles of an installation, in the order people see them."""

    layers: Mapping[str, Layer]
    styles: Mapping[str, Style]
    groups: tuple[Group, ...] = GROUPS


@dataclass(frozen=True)
class Reading:
    """What of both folders is right, and what is not."""

    catalog: Catalog
    """The layers without a mistake in their file or their style's, and the styles without one."""
    mistakes: tuple[Mistake, ...]
    left_out: frozenset[str]
    """Ids of the layers that have a file but are not right."""


def read_catalog(layers: Path, styles: Path) -> Catalog:
    """Read both folders; CatalogError with every mistake of every file."""
    reading = read_leniently(layers, styles)
    if reading.mistakes:
        raise CatalogError(reading.mistakes)
    return reading.catalog


def read_leniently(layers: Path, styles: Path) -> Reading:
    """Read both folders for a command that goes on with the layers that are right."""
    found: list[Mistake] = []
    described = dict(_read_layers(layers, found))
    documents = dict(_read_documents(styles, found))
    _check_styles(described, documents, found)
    told = {mistake.file for mistake in found}
    right = {i: layer for i, layer in described.items() if not {f"{i}.toml", f"{layer.style_id}.json"} & told}
    order = {group.id: number for number, group in enumerate(GROUPS)}
    ids = sorted(right, key=lambda i: (order[right[i].group], i))
    drawn = [i for i in sorted(documents) if f"{i}.json" not in told]
    named = {i: Style(i, str(documents[i].get("name", i)), documents[i]) for i in drawn}
    catalog = Catalog(MappingProxyType({i: right[i] for i in ids}), MappingProxyType(named))
    files = {path.stem for path in _files(layers, ".toml", [])}
    return Reading(catalog, CatalogError(found).mistakes, frozenset(files - right.keys()))


def read_layer_text(name: str, text: str) -> Layer:
    """Read the text of one layer file by itself; CatalogError with its mistakes."""
    found: list[Mistake] = []
    layer = _read_text(name, text, found)
    if found or layer is None:
        raise CatalogError(found)
    return layer


def _files(folder: Path, ending: str, found: list[Mistake]) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if p.suffix == ending and not p.name.startswith("."))
    except OSError as error:
        found.append(Mistake(str(folder), "", f"the folder cannot be read: {error.strerror}"))
        return []


def _bytes(path: Path, found: list[Mistake]) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        found.append(Mistake(path.name, "", f"cannot be read: {error.strerror}"))
        return None
    if len(content) > FILE_BYTES_MAX:
        found.append(Mistake(path.name, "", f"is larger than {FILE_BYTES_MAX // 1_000_000} MB"))
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found.append(Mistake(path.name, f"line {line}", "is not UTF-8; save the file in this encoding"))
        return None


def _read_layers(folder: Path, found: list[Mistake]) -> Iterator[tuple[str, Layer]]:
    for path in _files(folder, ".toml", found):
        text = _bytes(path, found)
        layer = None if text is None else _read_text(path.name, text, found)
        if layer is not None:
            yield layer.id, layer


def _read_text(name: str, text: str, found: list[Mistake]) -> Layer | None:
    layer_id = name.removesuffix(".toml")
    problem = check_id(layer_id)
    if problem:
        found.append(Mistake(name, "", problem))
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found.append(Mistake(name, *_toml_place(str(error), text)))
        return None
    except RecursionError:
        found.append(Mistake(name, "", "is nested too deeply"))
        return None
    structure = read_structure(name, document)
    if structure.layer is not None:
        check_rules(structure.layer, structure)
    found.extend(structure.mistakes)
    return build(layer_id, structure.layer) if structure.layer and not structure.mistakes and not problem else None


def _toml_place(message: str, text: str) -> tuple[str, str]:
    """The line of a TOML mistake as its key, and the sentence without it."""
    place = _LINE.search(message)
    if place is None:
        return "", f"is not TOML: {message}"
    line = place.group(1) or str(text.count("\n") + 1)
    column = f" at column {place.group(2)}" if place.group(2) else ""
    return f"line {line}", f"is not TOML: {message[: place.start()]}{column}"


def _read_documents(folder: Path, found: list[Mistake]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in _files(folder, ".json", found):
        text = _bytes(path, found)
        if text is None:
            continue
        try:
            document = json.loads(text, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            found.append(
                Mistake(path.name, f"line {error.lineno}", f"is not JSON: {error.msg} at column {error.colno}")
            )
            continue
        except (ValueError, RecursionError) as error:
            found.append(Mistake(path.name, "", f"is not JSON: {error}"))
            continue
        if isinstance(document, dict):
            yield path.stem, document
        else:
            found.append(Mistake(path.name, "", "must be a style document: an object in braces"))


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def _check_styles(
    layers: Mapping[str, Layer], documents: Mapping[str, Mapping[str, Any]], found: list[Mistake]
) -> None:
    told = {mistake.file for mistake in found}
    used: dict[str, list[Layer]] = {}
    for layer in layers.values():
        used.setdefault(layer.style_id, []).append(layer)
        if layer.style_id not in documents and f"{layer.style_id}.json" not in told:
            key = "style" if layer.style else ""
            text = f"there is no style {layer.style_id!r}; {meant(layer.style_id, sorted(documents))}"
            found.append(Mistake(f"{layer.id}.toml", key, text))
    icons = _icons()
    for style_id, document in documents.items():
        users: list[Layer | None] = [*used.get(style_id, ())] or [None]
        for user in users:
            found.extend(
                Mistake(f"{style_id}.json", key, text) for key, text in mistakes(document, style_id, user, icons=icons)
            )


def _icons() -> frozenset[str] | None:
    """Names of the sprite's icons; None where the sources of the viewer are not delivered."""
    return frozenset(path.stem for path in (PACKAGE / "viewer" / "icons").glob("*.svg")) or None


def _text(part: TextPart) -> Text:
    return Text(part.fr, part.en)


def _field(part: FieldPart) -> Field:
    return Field(
        name=part.name,
        type=part.type,
        title=_text(part.title),
        source=part.source,
        unit=part.unit,
        codes=tuple(Code(code.source, code.value, _text(code.title)) for code in part.code),
        tiles=part.tiles,
        tiles_from_zoom=part.tiles_from_zoom,
        required=part.required,
        read=frozenset(part.read),
        nulls=tuple(part.nulls),
    )


def _generalise(file: LayerFile, fields: Mapping[str, Field]) -> Generalise:
    part = file.generalise
    rules = tuple(
        FromZoom(rule.field, tuple(fields[rule.field].parse(value) for value in rule.values), rule.zoom)
        for rule in part.from_zoom
    )
    return Generalise(part.tolerance, part.drop_below, part.coverage, part.rank, rules)


def _gates(file: LayerFile) -> Gates:
    part = file.gates
    change = None if part.max_count_change == "any" else part.max_count_change
    box = (part.extent[0], part.extent[1], part.extent[2], part.extent[3]) if part.extent else None
    return Gates(part.min_count, change, box, part.max_rejected)


def build(layer_id: str, file: LayerFile) -> Layer:
    """The layer a file without mistakes describes."""
    fields = tuple(map(_field, file.field))
    risk = file.risk
    layer = Layer(
        id=layer_id,
        title=_text(file.title),
        geometry=file.geometry,
        crs=file.crs,
        fields=fields,
        licence=Licence(**file.licence.model_dump()),
        source=Source(**file.source.model_dump()) if file.source else None,
        abstract=_text(file.abstract) if file.abstract else Text("", ""),
        keywords=tuple(file.keywords),
        group=file.group,
        style=file.style,
        read=frozenset(file.read),
        risk=Risk(risk.kind, risk.field, dict(risk.severity), risk.default) if risk else None,
        zoom=Zoom(file.zoom.min, file.zoom.max),
        generalise=_generalise(file, {field.name: field for field in fields}),
        gates=_gates(file),
        label=file.label,
        datetime_field=file.datetime,
        exercise_only=file.exercise_only,
        visible=file.visible,
    )
    return replace(layer, read=readers(layer))
