"""Back to what was published before, at once, under the files that describe it."""

from dataclasses import dataclass

from geoserver_app.core.errors import Conflict, NotFound
from geoserver_app.settings import Settings
from geoserver_app.store.loading import Connection, connect_owner
from ingest import runs
from ingest.descriptions import fits, kept, note, pending, put_right, read_files, set_aside
from ingest.publish import raise_revision, table_columns


@dataclass(frozen=True)
class Rolled:
    """What a rollback did. ``restored``: the layer's files were replaced by those kept with the earlier rows."""

    revision: int
    restored: bool


def rollback_layer(settings: Settings, owner_url: str, layer_id: str) -> Rolled:
    """Point a layer at its previous publication, and put its files back where the present ones describe other rows.

    Works while the layer is being loaded. Raises NotFound for a layer that is not published and
    Conflict where nothing earlier is kept, or its description is not.
    """
    with connect_owner(owner_url) as connection:
        with connection.transaction():
            row = connection.execute(
                "SELECT publication_id FROM system.revision WHERE layer_id = %s FOR UPDATE", (layer_id,)
            ).fetchone()
            if row is None or row[0] is None:
                raise NotFound(f"{layer_id!r} is not published; `maillage layers` lists what is")
            now = int(str(row[0]))
            earlier = connection.execute("SELECT previous_id FROM system.publication WHERE id = %s", row).fetchone()
            if earlier is None or earlier[0] is None:
                raise Conflict(f"{layer_id!r} has no earlier revision to go back to")
            target = int(str(earlier[0]))
            replaced = _needs_files(settings, connection, layer_id, now, target)
            if replaced:
                set_aside(settings, connection, layer_id, now)
                note(settings, layer_id)
            revision = raise_revision(connection, layer_id, target)
        if replaced:
            put_right(settings, connection, layer_id)
    return Rolled(revision, replaced)


def _needs_files(settings: Settings, connection: Connection, layer_id: str, now: int, target: int) -> bool:
    """Whether the earlier rows need the files kept for them; Conflict where they do and none are.

    Files are compared with tables, not with files: what people edit in titles and labels stays. Nor does
    it matter what the file says of the fields where both publications have the same ones.
    """
    wanted = table_columns(connection, target)
    if wanted == table_columns(connection, now) or fits(layer_id, read_files(settings, layer_id), wanted):
        return False
    if not fits(layer_id, kept(settings, layer_id, target), wanted):
        raise Conflict(
            f"{layer_id}.toml does not describe the earlier rows of {layer_id!r}, and the file that did was not kept; "
            f"write one with their columns first: {', '.join(f'{name} ({kind})' for name, kind in wanted.items())}"
        )
    return True


def repair(settings: Settings, owner_url: str) -> list[str]:
    """Finish what killed commands left half-way; the layers whose files were put right."""
    done: list[str] = []
    for layer_id in pending(settings):
        with connect_owner(owner_url, autocommit=True) as connection:
            try:
                with runs.alone(connection, layer_id), connect_owner(owner_url) as work:
                    put_right(settings, work, layer_id)
            except Conflict:
                continue  # not killed: still at it
        done.append(layer_id)
    return done
