"""Folders of a running command, removed with it; those of a killed one by the next."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from geoserver_app.settings import Settings
from geoserver_app.store.postgres import alive


@contextmanager
def work_folder(settings: Settings) -> Iterator[Path]:
    """An empty folder under the home's ``work``. Its name holds the number of its process."""
    parent = settings.home / "work"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        if not alive(left.name.partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=parent, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
