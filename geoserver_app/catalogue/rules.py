"""What must hold between the keys of a layer file. Each rule tells every breach it finds."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePath

from pyproj import CRS
from pyproj.exceptions import CRSError

from geoserver_app.catalogue.files import FieldPart, LayerFile
from geoserver_app.catalogue.groups import GROUPS
from geoserver_app.catalogue.mistakes import meant
from geoserver_app.catalogue.structure import Structure
from geoserver_app.core.errors import BadParameter
from geoserver_app.core.layer import FIELD_NAME, LABEL_LAYER, LAYER_ID, RESERVED_FIELDS, Field, Text

SOURCE_NEEDS: Mapping[str, tuple[str, ...]] = {
    "arcgis": ("url", "key", "crs"),
    "wfs": ("url", "layer"),
    "spw": ("url", "layer"),
    "file": ("url",),
}
"""Keys a source of each kind must have."""

Rule = Callable[[LayerFile, Structure], None]


def check_rules(layer: LayerFile, structure: Structure) -> None:
    """Tell every breach of every rule to the structure."""
    for rule in RULES:
        rule(layer, structure)


def check_id(layer_id: str) -> str | None:
    """What is wrong with a file's name as the id of a layer."""
    if LAYER_ID.match(layer_id):
        return None
    return (
        f"{layer_id!r} cannot be the id of a layer: a lower-case letter, then up to 49 letters, digits or _, "
        f"and no {LABEL_LAYER} at its end, which names points of labels in tiles"
    )


def placed(layer: LayerFile) -> Iterator[tuple[str, FieldPart]]:
    """Each field with its key in the file; a field without a name is known by its number."""
    for index, part in enumerate(layer.field):
        yield (f"field[{index}]" if part.name == "stand_in" else f"field.{part.name}"), part


def _fields(layer: LayerFile, structure: Structure) -> None:
    for key, part in placed(layer):
        if not FIELD_NAME.match(part.name):
            text = f"{part.name!r} cannot be a field name: lower-case letters, digits and _, at most 59, no digit first"
            structure.say(f"{key}.name", text)
        if part.name in RESERVED_FIELDS:
            structure.say(f"{key}.name", f"{part.name!r} is a column the store adds itself; choose another name")
        if part.tiles and part.tiles_from_zoom > layer.zoom.max:
            text = f"{part.tiles_from_zoom} is deeper than the layer's deepest zoom, {layer.zoom.max}"
            structure.say(f"{key}.tiles_from_zoom", text, "zoom")
    counts = Counter(part.name for part in layer.field)
    for name, count in counts.items():
        if count > 1 and name != "stand_in":
            structure.say(f"field.{name}.name", f"{count} fields have this name")


def _codes(layer: LayerFile, structure: Structure) -> None:
    for key, part in placed(layer):
        sources = Counter(code.source for code in part.code)
        titles: dict[str, tuple[str, str]] = {}
        for index, code in enumerate(part.code):
            where = f"{key}.code[{index}]"
            if sources[code.source] > 1 and code.source != "?":
                structure.say(f"{where}.source", f"{code.source!r} is written {sources[code.source]} times")
            if code.source in part.nulls:
                structure.say(f"{where}.source", f"{code.source!r} is among the field's nulls too")
            if not _parses(part, code.value):
                text = f"{code.value!r} is not of type {part.type}, which the field is"
                structure.say(f"{where}.value", text, f"{key}.type")
            title = (code.title.fr, code.title.en)
            if titles.setdefault(code.value, title) != title:
                structure.say(f"{where}.title", f"another code with the value {code.value!r} has another title", where)


def _parses(part: FieldPart, value: object) -> bool:
    field = Field(part.name, part.type, Text("", ""))
    try:
        field.parse(value)
    except BadParameter:
        return False
    return True


def _named(layer: LayerFile, structure: Structure, key: str, name: str | None) -> FieldPart | None:
    """The field a key names; a mistake where there is none."""
    if name is None:
        return None
    for part in layer.field:
        if part.name == name:
            return part
    names = [part.name for part in layer.field]
    # A field whose own name could not be read may be the one that is meant.
    unread = [place for place, part in placed(layer) if part.name == "stand_in"]
    structure.say(key, f"no field is called {name!r}; {meant(name, names)}", "field", *(f"{u}.name" for u in unread))
    return None


def _roles_of_fields(layer: LayerFile, structure: Structure) -> None:
    moment = _named(layer, structure, "datetime", layer.datetime)
    if moment and moment.type not in {"date", "datetime"}:
        text = f"the field {moment.name!r} is a {moment.type}, not a date or datetime"
        structure.say("datetime", text, f"field.{moment.name}.type")
    label = _named(layer, structure, "label", layer.label)
    if label and label.type not in {"string", "integer"}:
        text = f"the field {label.name!r} is a {label.type}; people know features by a string or an integer"
        structure.say("label", text, f"field.{label.name}.type")
    rank = _named(layer, structure, "generalise.rank", layer.generalise.rank)
    if rank and rank.type not in {"integer", "number"}:
        text = f"the field {rank.name!r} is a {rank.type}; a rank is an integer or a number"
        structure.say("generalise.rank", text, f"field.{rank.name}.type")


def _from_zoom(layer: LayerFile, structure: Structure) -> None:
    for index, rule in enumerate(layer.generalise.from_zoom):
        key = f"generalise.from_zoom[{index}]"
        part = _named(layer, structure, f"{key}.field", rule.field)
        if rule.zoom > layer.zoom.max:
            text = f"{rule.zoom} is deeper than the layer's deepest zoom, {layer.zoom.max}"
            structure.say(f"{key}.zoom", text, "zoom")
        for value in rule.values if part else ():
            known = [code.value for code in part.code] if part else []
            if part and not _parses(part, value):
                text = f"{value!r} is not of type {part.type}, which {part.name!r} is"
                structure.say(f"{key}.values", text, f"field.{part.name}.type")
            elif part and known and str(value) not in known:
                text = f"{value!r} is not a value of {part.name!r}; {meant(str(value), known)}"
                structure.say(f"{key}.values", text, f"field.{part.name}.code")


def _risk(layer: LayerFile, structure: Structure) -> None:
    if layer.risk is None:
        return
    if layer.geometry not in {"Polygon", "MultiPolygon"}:
        text = f"zones of risk are Polygon or MultiPolygon; this layer is {layer.geometry}"
        structure.say("risk", text, "geometry")
    part = _named(layer, structure, "risk.field", layer.risk.field)
    if layer.risk.severity and layer.risk.field is None:
        structure.say("risk.severity", "needs risk.field, the field whose values it lists")
    if part is None:
        return
    known = [code.value for code in part.code]
    for value in layer.risk.severity:
        if known and value not in known:
            text = f"{value!r} is not a value of {part.name!r}; {meant(value, known)}"
            structure.say(f"risk.severity.{value}", text, f"field.{part.name}.code")
        elif not _parses(part, value):
            text = f"{value!r} is not of type {part.type}, which {part.name!r} is"
            structure.say(f"risk.severity.{value}", text, f"field.{part.name}.type")


def _ranges(layer: LayerFile, structure: Structure) -> None:
    if layer.zoom.min > layer.zoom.max:
        structure.say("zoom", f"min {layer.zoom.min} is deeper than max {layer.zoom.max}")
    if layer.gates.extent:
        west, south, east, north = layer.gates.extent
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            structure.say("gates.extent", "must be west, south, east, north in degrees, west < east and south < north")


def _crs(layer: LayerFile, structure: Structure) -> None:
    numbers = {"crs": layer.crs, "source.crs": layer.source.crs if layer.source else None}
    for key, srid in numbers.items():
        if srid is None:
            continue
        try:
            found = CRS.from_epsg(srid)
        except CRSError:
            structure.say(key, f"EPSG:{srid} is not known")
            continue
        if not (found.is_projected or found.is_geographic) or len(found.axis_info) > 3:
            structure.say(key, f"EPSG:{srid} ({found.name}) is not a system of positions on the ground")


def _access(layer: LayerFile, structure: Structure) -> None:
    open_to = [role for role in ("public", "citizen") if role in layer.read]
    if not layer.licence.republish and open_to and "read" in layer.model_fields_set:
        text = (
            f"the licence forbids republishing (licence.republish = false), so {' and '.join(open_to)} may not read it"
        )
        structure.say("read", text + '; name the roles that may, for instance ["municipality"]', "licence")


def _source(layer: LayerFile, structure: Structure) -> None:
    source = layer.source
    if source is None:
        return
    for name in SOURCE_NEEDS[source.kind]:
        # The exercise brings its own files; an address or key nobody has found yet is left out, never invented.
        excused = layer.exercise_only or (not source.confirmed and name != "url")
        if getattr(source, name) is None and not excused:
            structure.say(f"source.{name}", f"a source of the kind {source.kind!r} needs it", "source.kind")
    if source.url is not None and not _address(source.url, source.kind == "file"):
        structure.say("source.url", f"{source.url!r} is not an http or https address", "source.kind")
    if source.encoding is not None:
        try:
            "".encode(source.encoding)
        except LookupError:
            structure.say("source.encoding", f"{source.encoding!r} is not an encoding, such as UTF-8 or ISO-8859-1")


def _address(text: str, path_allowed: bool) -> bool:
    scheme, _, rest = text.partition("://")
    if scheme in {"http", "https"}:
        return bool(rest.split("/")[0]) and not any(c.isspace() for c in text)
    return path_allowed and not rest and bool(PurePath(text).name)


def _group(layer: LayerFile, structure: Structure) -> None:
    known = [group.id for group in GROUPS]
    if layer.group not in known:
        structure.say("group", f"no group is called {layer.group!r}; {meant(layer.group, known)}")


RULES: tuple[Rule, ...] = (
    _fields,
    _codes,
    _roles_of_fields,
    _from_zoom,
    _risk,
    _ranges,
    _crs,
    _access,
    _source,
    _group,
)
