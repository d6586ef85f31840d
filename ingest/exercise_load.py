"""The exercise's rows put in and taken out again, through the ordinary loader."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from geoserver_app.catalogue import Catalog
from geoserver_app.core.errors import NotFound
from geoserver_app.core.layer import Layer
from geoserver_app.settings import Settings
from geoserver_app.store.loading import Connection, connect_owner
from ingest import runs
from ingest.exercise import LAYERS, generate
from ingest.load import Summary, ingest_layer, run_load
from ingest.progress import Silent
from ingest.publish import current, prune, raise_revision
from ingest.work import work_folder

Watch = Callable[[str], AbstractContextManager[Silent]]

_READERS_SECONDS = 1.0
"""Time for requests that began before a table was taken away."""


@dataclass(frozen=True)
class Cleared:
    """A layer without its exercise rows. ``remaining``: the real rows, 0 where the layer is gone."""

    layer_id: str
    removed: int
    remaining: int


def load_exercise(
    settings: Settings, owner_url: str, catalog: Catalog, watch: Watch, *, scale: float = 1.0, force: bool = False
) -> Iterator[Summary]:
    """Add the exercise's rows to every layer it has some for; layers that hold them already are left alone."""
    with connect_owner(owner_url, autocommit=True) as connection:
        wanted = [
            catalog.layers[name]
            for name in LAYERS
            if name in catalog.layers and (force or not _exercise_rows(connection, name))
        ]
    if not wanted:
        return
    with work_folder(settings) as folder:
        with watch("exercise") as progress:
            progress.stage("drawing", 100)
            shown = _Percent(progress)
            paths = generate(folder, scale=scale, progress=shown.tell)
        for layer in wanted:
            with watch(layer.id) as progress:
                yield ingest_layer(settings, owner_url, layer, str(paths[layer.id]), exercise=True, progress=progress)


class _Percent:
    """Shares told by the generator as steps of a bar of 100."""

    def __init__(self, progress: Silent) -> None:
        self._progress, self._done = progress, 0

    def tell(self, _part: str, share: float) -> None:
        done = int(share * 100)
        self._progress.advance(done - self._done)
        self._done = done


def _exercise_rows(connection: Connection, layer_id: str) -> int:
    found = current(connection, layer_id)
    return found.exercise_count if found else 0


def clear_exercise(settings: Settings, owner_url: str, catalog: Catalog, watch: Watch) -> Iterator[Cleared]:
    """Take the exercise's rows out of every layer; a layer that held nothing else is no longer published.

    Raises NotFound at the end where real rows are mixed in and no right layer file says how to keep them.
    """
    with connect_owner(owner_url, autocommit=True) as control:
        rows = control.execute(
            "SELECT r.layer_id, p.exercise_count, p.feature_count - p.exercise_count FROM system.revision r "
            "JOIN system.publication p ON p.id = r.publication_id WHERE p.exercise_count > 0 ORDER BY r.layer_id"
        ).fetchall()
        undescribed = []
        for row in rows:
            name, removed, remaining = str(row[0]), int(str(row[1])), int(str(row[2]))
            if remaining and name not in catalog.layers:
                undescribed.append(name)
                continue
            if not remaining:
                with runs.alone(control, name), control.transaction():
                    raise_revision(control, name, None)
            else:
                _without(settings, owner_url, catalog.layers[name], watch)
            yield Cleared(name, removed, remaining)
        if rows:
            time.sleep(_READERS_SECONDS)
        for row in rows:
            prune(control, settings, str(row[0]))
    if undescribed:
        files = ", ".join(f"{name}.toml" for name in undescribed)
        raise NotFound(
            f"{', '.join(undescribed)}: exercise rows stay beside real ones for want of a right layer file; "
            f"mend {files} or put it back"
        )


def _without(settings: Settings, owner_url: str, layer: Layer, watch: Watch) -> None:
    with watch(layer.id) as progress:
        run_load(settings, owner_url, layer, None, "exercise clear", progress=progress)
