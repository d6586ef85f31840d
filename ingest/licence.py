"""The page of conditions that came with a layer's data, kept as long as the installation."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from geoserver_app.settings import Settings


def licence_file(settings: Settings, layer_id: str) -> Path:
    """Where a layer's page is kept. Its text is a stranger's: no address serves this folder."""
    return settings.home / "licences" / f"{layer_id}.html"


def keep_licence(settings: Settings, layer_id: str, page: Path) -> list[str]:
    """Copy a source's page before its reader removes it; whole or not at all. Returns what went wrong, if anything.

    The rows are published by now, so a full disk is told, not raised.
    """
    kept = licence_file(settings, layer_id)
    unfinished = kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page, unfinished)
        unfinished.replace(kept)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink()
        return [f"the source's conditions of use could not be kept in {kept.parent}: {error.strerror}"]
    return []
