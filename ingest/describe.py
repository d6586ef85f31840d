"""A layer's description made from what a file says of itself."""

import re
import unicodedata
from pathlib import Path

import numpy as np
import shapely

from geoserver_app.core.errors import BadParameter
from geoserver_app.core.layer import LABEL_LAYER, LAYER_ID, RESERVED_FIELDS, Field, Gates, Layer, Licence, Source, Text
from geoserver_app.settings import Settings
from ingest.source import GEOMETRY, Description, Reader

_LABELS = ("name", "nom", "naam", "title", "titre", "label", "libelle")
_NAME_MAX = 59
_LOOKED_AT = 5_000
"""Polygons up to which a file is looked at for shared borders."""


def safe_name(text: str, taken: set[str] | frozenset[str] = frozenset()) -> str:
    """A field name in lower-case ASCII that is neither reserved nor taken."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9_]+", "_", plain)[: _NAME_MAX - 4] or "field"
    if name[0].isdigit():
        name = f"_{name}"
    if name in RESERVED_FIELDS:
        name += "_"
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    return unique


def layer_id_of(path: Path) -> str:
    """The id a file's layer gets: its stem in lower case, other characters as "_"."""
    stem = path.name
    for suffix in (".gz", ".zip", ".osm.pbf", path.suffix):
        stem = stem.removesuffix(suffix)
    plain = unicodedata.normalize("NFKD", Path(stem).stem if "." in stem else stem)
    name = re.sub(r"[^a-z0-9_]", "_", plain.encode("ascii", "ignore").decode().lower())
    if name and not name[0].isalpha():
        name = f"l{name}" if name[0] == "_" else f"l_{name}"
    return check_id(name[:50])


def check_id(layer_id: str) -> str:
    """The id, or BadParameter where it cannot be one."""
    if not LAYER_ID.match(layer_id):
        raise BadParameter(
            f"{layer_id!r} cannot be the id of a layer: a lower-case letter, then up to 49 letters, digits or _, "
            f"and no {LABEL_LAYER} at its end; give one with --id"
        )
    return layer_id


def fields_of(description: Description) -> tuple[Field, ...]:
    """One field for each of the source, under safe and different names."""
    taken: set[str] = set()
    fields = []
    for found in description.fields:
        name = safe_name(found.name, taken)
        taken.add(name)
        fields.append(Field(name, found.type, Text(found.name, found.name), source=found.name))
    return tuple(fields)


def label_of(fields: tuple[Field, ...]) -> str | None:
    """The field people most likely know a feature by."""
    texts = [f.name for f in fields if f.type == "string"]
    for wanted in _LABELS:
        if wanted in texts:
            return wanted
    for wanted in _LABELS:
        for name in texts:
            if wanted in name.split("_"):
                return name
    return None


def shares_borders(layer: Layer, reader: Reader, description: Description, settings: Settings) -> bool:
    """Whether a small layer's polygons fit together without gaps or overlaps: then they are simplified together."""
    if layer.dimension != 2 or not description.count or description.count > _LOOKED_AT:
        return False
    wkb = [batch.column(GEOMETRY).to_numpy(zero_copy_only=False) for batch in reader.batches(settings.batch_rows)]
    shapes = shapely.from_wkb(np.concatenate(wkb), on_invalid="ignore") if wkb else np.zeros(0, dtype=object)
    return bool(len(shapes) > 1 and shapely.is_valid(shapes).all() and shapely.coverage_is_valid(shapes))


def describe_layer(
    layer_id: str,
    title: str,
    file: str,
    description: Description,
    source: Source,
) -> Layer:
    """The description under which a file is published; BadParameter where its CRS is not known."""
    if description.srid is None:
        raise BadParameter(f"{file} does not say its CRS; give its EPSG number with --crs", locator="crs")
    fields = fields_of(description)
    moments = [f.name for f in fields if f.type in {"date", "datetime"}]
    return Layer(
        id=layer_id,
        title=Text(title, title),
        geometry=description.geometry,
        crs=description.srid,
        fields=fields,
        licence=Licence("unspecified", file, date=description.date),
        source=source,
        group="other",
        # Whoever adds a file sees what was rejected; half a table without coordinates is common.
        gates=Gates(max_count_change=None, max_rejected=0.9),
        label=label_of(fields),
        datetime_field=moments[0] if len(moments) == 1 else None,
    )
