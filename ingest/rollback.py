"""Back to what was published before, at once."""

from geoserver_app.core.errors import Conflict, NotFound
from geoserver_app.store.loading import connect_owner
from ingest.publish import raise_revision


def rollback_layer(owner_url: str, layer_id: str) -> int:
    """Point a layer at its previous publication; returns the new revision.

    Works while the layer is being loaded. Raises NotFound for a layer that is not published and
    Conflict where nothing earlier is kept.
    """
    with connect_owner(owner_url) as connection, connection.transaction():
        row = connection.execute(
            "SELECT publication_id FROM system.revision WHERE layer_id = %s FOR UPDATE", (layer_id,)
        ).fetchone()
        if row is None or row[0] is None:
            raise NotFound(f"{layer_id!r} is not published; `maillage layers` lists what is")
        earlier = connection.execute("SELECT previous_id FROM system.publication WHERE id = %s", row).fetchone()
        if earlier is None or earlier[0] is None:
            raise Conflict(f"{layer_id!r} has no earlier revision to go back to")
        return raise_revision(connection, layer_id, int(str(earlier[0])))
