"""The archive of a publication, baked once its rows are seen: data first, downloads second."""

import re

from geoserver_app.core.errors import GeoError
from geoserver_app.core.layer import Layer
from geoserver_app.core.publication import publish
from geoserver_app.settings import Settings
from geoserver_app.store.loading import Connection, DatabaseError
from geoserver_app.tiles.archive import bake, sweep
from ingest.progress import Silent
from ingest.publish import current, packs


def bake_pack(settings: Settings, connection: Connection, owner_url: str, layer: Layer, progress: Silent) -> str | None:
    """Bake the archive of what is published now and tell the servers; a sentence where it could not be made."""
    found = current(connection, layer.id)
    if found is None or not found.count:
        return None
    name = f"{layer.id}-{found.id}.pmtiles"
    progress.stage("baking tiles")
    watched = _Tiles(progress)
    try:
        tiles = bake(publish(layer, found), owner_url, packs(settings) / name, settings, watched.tell)
    except (GeoError, DatabaseError, OSError) as error:
        return f"the archive could not be baked: {error}"
    if tiles:
        with connection.transaction():
            connection.execute("UPDATE system.publication SET pack = %s WHERE id = %s", (name, found.id))
            # The revision stays; its row is touched so that every server hears of the archive.
            connection.execute("UPDATE system.revision SET changed_at = now() WHERE layer_id = %s", (layer.id,))
    return None


def sweep_packs(settings: Settings, connection: Connection, layer_id: str) -> None:
    """Remove archives of a layer that no publication names any more. Ask under the layer's lock."""
    if not packs(settings).is_dir():
        return
    rows = connection.execute("SELECT pack FROM system.publication WHERE layer_id = %s", (layer_id,)).fetchall()
    own = re.compile(rf"{re.escape(layer_id)}-\d+\.pmtiles")
    others = {path.name for path in packs(settings).glob("*.pmtiles") if not own.fullmatch(path.name)}
    sweep(packs(settings), others | {str(row[0]) for row in rows})


class _Tiles:
    """Tiles looked at as steps of the stage; their number grows while zooms are added."""

    def __init__(self, progress: Silent) -> None:
        self._progress, self._done = progress, 0

    def tell(self, done: int, _total: int) -> None:
        self._progress.advance(done - self._done)
        self._done = done
