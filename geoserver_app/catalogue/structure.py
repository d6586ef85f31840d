"""From a TOML document to a :class:`LayerFile`, however broken the document is.

A document with a wrong key still has everything else checked: what is wrong is told, then taken
out or replaced by a stand-in, and the rest goes on. ``broken`` remembers the keys whose value is a
stand-in, so that nobody draws conclusions from them.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from geoserver_app.catalogue.files import LayerFile
from geoserver_app.catalogue.mistakes import Mistake, meant

Location = tuple[int | str, ...]

_STAND_INS: Mapping[str, object] = {
    "title": {"fr": "?", "en": "?"},
    "fr": "?",
    "en": "?",
    "geometry": "Geometry",
    "crs": 31370,
    "licence": {"name": "?", "attribution": "?"},
    "attribution": "?",
    "type": "string",
    "name": "stand_in",
    "kind": "file",
    "source": "?",
    "value": "?",
    "field": "stand_in",
    "values": ["?"],
    "zoom": 0,
}
"""Values that fit, for keys that must be there (and are the same type wherever they occur)."""

_KINDS: Mapping[str, str] = {
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


@dataclass
class Structure:
    """A document read as far as it goes."""

    file: str
    layer: LayerFile | None = None
    mistakes: list[Mistake] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def say(self, key: str, text: str, *needs: str) -> None:
        """Note a mistake, unless what it follows from (``key`` and ``needs``) was itself mistaken."""
        for wanted in (key, *needs):
            if any(wanted == b or wanted.startswith((f"{b}.", f"{b}[")) for b in self.broken):
                return
        self.mistakes.append(Mistake(self.file, key, text))


def read_structure(file: str, document: dict[str, Any]) -> Structure:
    """Check keys and types of a document; the layer is None only where nothing could be saved."""
    structure = Structure(file)
    rest = copy.deepcopy(document)
    for _ in range(8):  # a stand-in may bring a union's other branch to light, but not for ever
        try:
            structure.layer = LayerFile.model_validate(rest)
            break
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                _note(structure, document, rest, detail)
    return structure


def _note(structure: Structure, document: dict[str, Any], rest: dict[str, Any], detail: ErrorDetails) -> None:
    location = tuple(_places(rest, detail["loc"]))
    key = dotted(document, location)
    if key not in structure.broken and not any(m.key == key for m in structure.mistakes):
        structure.mistakes.append(Mistake(structure.file, key, _sentence(detail, location)))
    if detail["type"] != "extra_forbidden":
        structure.broken.add(key)
    _mend(rest, location, detail["type"])


def _places(document: object, location: Location) -> Iterator[int | str]:
    """The part of an error's location that is a path in the document (unions add their branch's name)."""
    here = document
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(here, dict) and (part in here or (last and isinstance(part, str) and "[" not in part)):
            yield part
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            yield part
            here = here[part]


def dotted(document: Mapping[str, Any], location: Location) -> str:
    """A path as people write it: members of lists by their name where they have one."""
    text = ""
    here: object = document
    for part in location:
        if isinstance(part, int):
            here = here[part] if isinstance(here, list) and part < len(here) else None
            name = here.get("name") if isinstance(here, dict) else None
            text += f".{name}" if isinstance(name, str) and name else f"[{part}]"
        else:
            here = here.get(part) if isinstance(here, dict) else None
            text += f".{part}" if text else part
    return text


def _mend(rest: dict[str, Any], location: Location, kind: str) -> None:
    """Take the wrong value out; put a stand-in where something must be."""
    if not location:
        return
    here: Any = rest
    for part in location[:-1]:
        here = here[part]
    last = location[-1]
    if isinstance(here, list) and isinstance(last, int):
        here[last] = "?" if location[-2:-1] == ("values",) else None
        here[:] = [member for member in here if member is not None]
    elif isinstance(here, dict):
        known = _model_at(location[:-1])
        needed = known is None or (last in known.model_fields and known.model_fields[str(last)].is_required())
        here.pop(last, None)
        if kind != "extra_forbidden" and needed and last in _STAND_INS:
            here[last] = copy.deepcopy(_STAND_INS[str(last)])


def _model_at(location: Location) -> type[BaseModel] | None:
    """The model whose table stands at this place of a layer file; None for free tables."""
    model: type[BaseModel] | None = LayerFile
    for part in location:
        if isinstance(part, int):
            continue
        if model is None or part not in model.model_fields:
            return None
        model = _model_in(model.model_fields[part].annotation)
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for found in map(_model_in, get_args(annotation)) if found), None)


def _sentence(detail: ErrorDetails, location: Location) -> str:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        model = _model_at(location[:-1])
        return f"unknown key; {meant(str(location[-1]), model.model_fields if model else ())}"
    if kind == "missing":
        return "is missing"
    if kind in {"literal_error", "enum"}:
        choices = [word.strip().strip("'\"") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return f"{value!r} is not one of {', '.join(choices)}" + _near(value, choices)
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, not {_show(value)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return f"{value!r} must match {context['pattern']}"
    text = detail["msg"].removeprefix("Input ").removeprefix("String ").removeprefix("List ")
    return f"{text[0].lower()}{text[1:]}, but is {_show(value)}"


def _near(value: object, choices: list[str]) -> str:
    hint = meant(value, choices) if isinstance(value, str) else ""
    return f"; {hint}" if hint.startswith("did") else ""


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
