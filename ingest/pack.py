"""The baked archive of a publication, made before anybody sees it."""

from geoserver_app.core.publication import Published
from geoserver_app.settings import Settings
from geoserver_app.store.loading import Connection
from ingest.progress import Silent
from ingest.publish import Facts


def bake_pack(
    settings: Settings, connection: Connection, drafted: Published, found: Facts, progress: Silent, notes: list[str]
) -> str | None:
    """File name of the archive; None, and a note, where it could not be made."""
    return None
