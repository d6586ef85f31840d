"""Which publication of each layer is current, known in memory and never stale.

The table ``system.revision`` is the truth; NOTIFY only wakes. While the listening connection is
lost, every question re-reads the table.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import asyncpg
import orjson

from geoserver_app.core.publication import Publication
from geoserver_app.store.engine import Database
from geoserver_app.store.loading import driver_url
from geoserver_app.store.tables import CHANNEL, PUBLICATIONS, read_publication

log = logging.getLogger("maillage.revisions")
PING_SECONDS = 10.0


class Revisions:
    """Current publications by layer id. :meth:`start` before use, :meth:`stop` at the end."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connected = False
        self._known: dict[str, Publication] = {}
        self._task: asyncio.Task[None] | None = None
        self._watchers: list[Callable[[str], None]] = []
        self._changes: asyncio.Queue[str | None] = asyncio.Queue()

    async def start(self) -> None:
        await self.refresh()
        self._task = asyncio.create_task(self._listen(), name="revisions")

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def on_change(self, watcher: Callable[[str], None]) -> None:
        """Call ``watcher(layer_id)`` after a layer's publication changed in memory."""
        self._watchers.append(watcher)

    @property
    def known(self) -> Mapping[str, Publication]:
        """What is known without asking; see :meth:`current` where an answer depends on it."""
        return self._known

    async def current(self, *, at_least: Mapping[str, int] | None = None) -> Mapping[str, Publication]:
        """Publications to answer from.

        Asks the database when the listening connection is lost, or when a client has seen a
        newer revision (``at_least``: the Maillage-Revision header) than is known here.
        """
        behind = any(
            self._known[layer].revision < revision
            for layer, revision in (at_least or {}).items()
            if layer in self._known
        )
        if not self.connected or behind:
            await self.refresh()
        return self._known

    async def refresh(self, layer_id: str | None = None) -> None:
        """Re-read the table, or one layer's row of it."""
        async with self.database.read() as reader:
            if layer_id is None:
                rows = await reader.fetch(PUBLICATIONS)
            else:
                rows = await reader.fetch(PUBLICATIONS + " WHERE r.layer_id = $1", layer_id)
        found = {row["layer_id"]: read_publication(row) for row in rows}
        wanted = set(self._known) | set(found) if layer_id is None else {layer_id}
        changed = [name for name in wanted if self._known.get(name) != found.get(name)]
        known = {name: kept for name, kept in self._known.items() if name not in wanted}
        self._known = known | found
        for name in changed:
            for watcher in self._watchers:
                watcher(name)

    async def _listen(self) -> None:
        delay = 0.2
        while True:
            try:
                await self._listen_once()
                delay = 0.2
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("listening connection lost (%s); asking the table until it is back", type(error).__name__)
            except Exception:
                log.exception("listening failed; trying again")
            self.connected = False
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)

    async def _listen_once(self) -> None:
        self._changes = asyncio.Queue()
        connection = await asyncpg.connect(
            driver_url(self.database.url), timeout=5, server_settings={"application_name": "maillage listener"}
        )
        try:
            connection.add_termination_listener(self._lost)
            await connection.add_listener(CHANNEL, self._hear)
            await self.refresh()
            self.connected = True
            while True:
                try:
                    # Python 3.11's wait_for loses a cancellation that comes together with a change.
                    async with asyncio.timeout(PING_SECONDS):
                        layer = await self._changes.get()
                except TimeoutError:
                    await connection.fetchval("SELECT 1", timeout=5)
                    continue
                if layer is None:
                    raise ConnectionResetError("terminated")
                await self.refresh(layer)
        finally:
            self.connected = False
            with suppress(Exception):
                await connection.close(timeout=2)

    def _lost(self, _connection: Any) -> None:
        self.connected = False
        self.database.suspect()
        self._changes.put_nowait(None)

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        with suppress(orjson.JSONDecodeError, KeyError, TypeError):
            self._changes.put_nowait(orjson.loads(str(payload))["layer"])
