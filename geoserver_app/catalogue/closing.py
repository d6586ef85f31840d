"""Closes layers whose file forbids republishing, even while the change of files is refused for a mistake.

A mistake anywhere keeps the earlier catalogue. That may leave a wrong colour on the map for an hour;
it may not leave data in public that its owner has withdrawn.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from geoserver_app.catalogue.load import Catalog
from geoserver_app.core.access import readers

_SAID = re.compile(r"""^[^#\n]*\brepublish["']?\s*=\s*(?!true\b)""", re.MULTILINE)


def forbids(path: Path) -> bool | None:
    """Whether a layer file, right or not, says anything but `republish = true`; None where it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    try:
        licence = tomllib.loads(text).get("licence", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return _SAID.search(text) is not None
    return isinstance(licence, dict) and licence.get("republish", True) is not True


def forbidden(catalog: Catalog, folder: Path, before: Iterable[str] = ()) -> frozenset[str]:
    """Ids of the catalogue's layers whose file now forbids republishing.

    ``before`` were forbidden at the last look; they stay so until their file can be read and allows it.
    """
    said = {layer_id: forbids(folder / f"{layer_id}.toml") for layer_id in catalog.layers}
    return frozenset(i for i, answer in said.items() if answer or (answer is None and i in before))


def closed(catalog: Catalog, ids: frozenset[str]) -> Catalog:
    """The catalogue with these layers out of the public's reach."""
    layers = dict(catalog.layers)
    for layer_id in ids:
        layer = layers[layer_id]
        shut = replace(layer, licence=replace(layer.licence, republish=False))
        layers[layer_id] = replace(shut, read=readers(shut))
    return replace(catalog, layers=MappingProxyType(layers))
