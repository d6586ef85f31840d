"""Any vector file published with one command: described, loaded, and only then written to the catalogue."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from geoserver_app.catalogue import default_style
from geoserver_app.catalogue.load import read_layer_text
from geoserver_app.catalogue.write import json_text, layer_text
from geoserver_app.core.errors import BadParameter, Conflict
from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.describe import check_id, describe_layer, layer_id_of, safe_name, shares_borders
from ingest.descriptions import Files
from ingest.load import Summary, run_load
from ingest.progress import Silent
from ingest.read import layers_of, open_source
from ingest.work import work_folder

Watch = Callable[[str], AbstractContextManager[Silent]]


@dataclass(frozen=True)
class Wish:
    """What the person asked for, beside the file."""

    id: str | None = None
    title: str | None = None
    layers: tuple[str, ...] = ()
    where: str | None = None
    crs: int | None = None
    encoding: str | None = None
    replace: bool = False


def add_file(settings: Settings, owner_url: str, file: Path, wish: Wish, watch: Watch) -> Iterator[Summary]:
    """Publish each wanted layer of a file.

    Files are written when the rows are published, so a layer that failed half-way is in no catalogue.
    Raises BadSource, BadParameter, Conflict (the id is taken) and GatesFailed.
    """
    _check_folders(settings)
    if not file.exists():
        raise BadParameter(f"there is no file {str(file)!r}", locator="file")
    named = _named(file, wish)
    for layer_id, _ in named:
        if not wish.replace and (settings.layers / f"{layer_id}.toml").exists():
            raise Conflict(f"there is a layer {layer_id!r} already; choose another with --id, or replace it: --replace")
    for layer_id, inner in named:
        yield _add(settings, owner_url, file, layer_id, inner, wish, watch)


def _check_folders(settings: Settings) -> None:
    for name, folder in (("MAILLAGE_LAYERS", settings.layers), ("MAILLAGE_STYLES", settings.styles)):
        if not os.access(folder, os.W_OK):
            raise BadParameter(f"{folder} cannot be written; point {name} at a folder of your own")


def _named(file: Path, wish: Wish) -> list[tuple[str, str | None]]:
    """Ids of the layers to be, with the names inside the file."""
    base = check_id(wish.id) if wish.id else layer_id_of(file)
    inside = layers_of(file)
    unknown = [name for name in wish.layers if name not in inside]
    if unknown:
        raise BadParameter(f"{file.name} has no layer {unknown[0]!r}; it has {', '.join(inside) or 'none'}")
    if len(wish.layers) == 1:
        return [(base, wish.layers[0])]
    chosen = wish.layers or inside
    if not chosen:
        raise BadParameter(f"{file.name} holds no layer with a geometry")
    if len(chosen) == 1:
        return [(base, None)]
    taken: set[str] = set()
    named: list[tuple[str, str | None]] = []
    for name in chosen:
        layer_id = check_id(safe_name(f"{base}_{name}", taken)[:50])
        taken.add(layer_id)
        named.append((layer_id, name))
    return named


def _add(
    settings: Settings, owner_url: str, file: Path, layer_id: str, inner: str | None, wish: Wish, watch: Watch
) -> Summary:
    source = Source("file", str(file.absolute()), layer=inner, crs=wish.crs, encoding=wish.encoding, where=wish.where)
    with work_folder(settings) as work, watch(layer_id) as progress:
        progress.stage("describing")
        with open_source(source, settings, work=work) as reader:
            description = reader.describe()
            title = wish.title or file.name.split(".")[0].replace("_", " ")
            if inner and not (wish.title and len(wish.layers) == 1):
                title = f"{title} – {inner}"
            source = replace(source, key=description.key)
            layer = describe_layer(layer_id, title, file.name, description, source)
            if shares_borders(layer, reader, description, settings):
                layer = replace(layer, generalise=replace(layer.generalise, coverage=True))
            files = Files(layer_text(layer), json_text(default_style(layer)) + "\n")
            layer = read_layer_text(f"{layer_id}.toml", files.layer)
            return run_load(settings, owner_url, layer, reader, file.name, force=True, progress=progress, files=files)
