"""The layer and style files each publication was loaded with, so that rows never lose the files that describe them.

Files and database change one after the other, and a command may be killed in between. So the files
of every publication are kept in the home before it is published, and a command that is about to
change a layer's files leaves a note, ``pending``, first. Where a note is found, files are put right:
those kept for the publication that is current are the layer's, whichever step the command had come to.
Until then the server leaves out the fields that file and rows do not share.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from geoserver_app.catalogue import CatalogError
from geoserver_app.catalogue.load import read_layer_text
from geoserver_app.catalogue.write import layer_text, write_whole
from geoserver_app.core.layer import Layer
from geoserver_app.settings import Settings
from geoserver_app.store.loading import Connection
from ingest.publish import column_types, table_columns

PENDING = "pending"
REPLACED = "replaced"
"""Name under which the files that were replaced last are kept."""
_KEPT = re.compile(r"(\d+)\.(?:toml|json)")


@dataclass(frozen=True)
class Files:
    """Texts of a layer file and, where the layer has a style of its own, of the style file."""

    layer: str
    style: str | None


def kept_folder(settings: Settings, layer_id: str) -> Path:
    return settings.home / "descriptions" / layer_id


def pending(settings: Settings) -> list[str]:
    """Layers whose files a command left half-way."""
    return sorted(path.parent.name for path in (settings.home / "descriptions").glob(f"*/{PENDING}"))


def read_files(settings: Settings, layer_id: str) -> Files | None:
    """The files of the catalogue as they are, right or not; None without a layer file."""
    layer = _text(settings.layers / f"{layer_id}.toml")
    return Files(layer, _text(settings.styles / f"{layer_id}.json")) if layer is not None else None


def files_of(settings: Settings, layer: Layer) -> Files:
    """The files a layer was read from, comments and all; written anew where they say something else by now."""
    found = read_files(settings, layer.id)
    if found is not None and described(layer.id, found) == layer:
        return found
    return Files(layer_text(layer), found.style if found else None)


def described(layer_id: str, files: Files) -> Layer | None:
    """The layer that files describe; None where they have mistakes."""
    with suppress(CatalogError):
        return read_layer_text(f"{layer_id}.toml", files.layer)
    return None


def keep(settings: Settings, layer_id: str, publication: int | str, files: Files) -> None:
    """Keep the files of a publication; the layer last, for it tells that both are there."""
    folder = kept_folder(settings, layer_id)
    if files.style is not None:
        write_whole(folder / f"{publication}.json", files.style)
    write_whole(folder / f"{publication}.toml", files.layer)


def kept(settings: Settings, layer_id: str, publication: int) -> Files | None:
    """The files kept for a publication."""
    folder = kept_folder(settings, layer_id)
    layer = _text(folder / f"{publication}.toml")
    return Files(layer, _text(folder / f"{publication}.json")) if layer is not None else None


def fits(layer_id: str, files: Files | None, columns: Mapping[str, str]) -> bool:
    """Whether files describe a table: its fields, their types, geometry type and CRS."""
    layer = described(layer_id, files) if files else None
    return layer is not None and column_types(layer) == columns


def set_aside(settings: Settings, connection: Connection, layer_id: str, publication: int | None) -> Files | None:
    """Before files are replaced: keep them, as people have edited them since, with the rows they describe."""
    files = read_files(settings, layer_id)
    if files is not None:
        keep(settings, layer_id, REPLACED, files)
        if publication is not None and fits(layer_id, files, table_columns(connection, publication)):
            keep(settings, layer_id, publication, files)
    return files


def note(settings: Settings, layer_id: str) -> None:
    """Tell that the layer's files are about to change."""
    write_whole(kept_folder(settings, layer_id) / PENDING, "")


def put_right(settings: Settings, connection: Connection, layer_id: str) -> None:
    """Make the files kept for the current publication the layer's, and take the note away.

    The row of the revision stays locked meanwhile, so that no other command publishes in between.
    """
    with connection.transaction():
        row = connection.execute(
            "SELECT publication_id FROM system.revision WHERE layer_id = %s FOR UPDATE", (layer_id,)
        ).fetchone()
        files = kept(settings, layer_id, int(str(row[0]))) if row and row[0] is not None else None
        if files is not None:
            write_files(settings, layer_id, files)
        (kept_folder(settings, layer_id) / PENDING).unlink(missing_ok=True)


def write_files(settings: Settings, layer_id: str, files: Files) -> None:
    """Write the style, then the layer that uses it; files that say the same already are left alone."""
    for path, text in (
        (settings.styles / f"{layer_id}.json", files.style),
        (settings.layers / f"{layer_id}.toml", files.layer),
    ):
        if text is not None and _text(path) != text:
            write_whole(path, text)


def restore_files(settings: Settings, layer_id: str, replaced: Files | None) -> None:
    """The catalogue as it was, where what was to replace it is not published after all."""
    if replaced is None or replaced.style is None:
        (settings.styles / f"{layer_id}.json").unlink(missing_ok=True)
    if replaced is None:
        (settings.layers / f"{layer_id}.toml").unlink(missing_ok=True)
    else:
        write_files(settings, layer_id, replaced)
    (kept_folder(settings, layer_id) / PENDING).unlink(missing_ok=True)


def sweep(settings: Settings, connection: Connection, layer_id: str) -> None:
    """Remove what is kept for publications that are no more. Ask under the layer's lock."""
    rows = connection.execute("SELECT id FROM system.publication WHERE layer_id = %s", (layer_id,)).fetchall()
    there = {str(row[0]) for row in rows}
    with suppress(OSError):
        for path in kept_folder(settings, layer_id).iterdir():
            found = _KEPT.fullmatch(path.name)
            if (found and found.group(1) not in there) or path.name.startswith("."):
                path.unlink(missing_ok=True)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
