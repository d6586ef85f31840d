"""Takes up changed layer and style files while the server runs.

Every worker watches by itself. The system's file events make it quick; a look at the folders every
``catalogue_poll_s`` makes it sure, where events do not arrive (network folders, a folder replaced).
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from watchfiles import awatch

from geoserver_app.catalogue.closing import closed, forbidden
from geoserver_app.catalogue.load import Catalog, read_catalog
from geoserver_app.catalogue.mistakes import CatalogError, Mistake
from geoserver_app.settings import Settings

log = logging.getLogger(__name__)

OnChange = Callable[[Catalog], Awaitable[None] | None]
Seen = tuple[tuple[str, int, int, int], ...]


class Watcher:
    """The current catalogue. ``mistakes`` are those of the last change that was refused; none after a good one."""

    def __init__(self, settings: Settings) -> None:
        self._folders = (Path(settings.layers), Path(settings.styles))
        self._poll_s = settings.catalogue_poll_s
        self._catalog: Catalog | None = None
        self._right: Catalog | None = None
        """The last one without mistakes; the current one may be narrower."""
        self._closed: frozenset[str] = frozenset()
        self._seen: Seen = ()
        self._callbacks: list[OnChange] = []
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.mistakes: tuple[Mistake, ...] = ()

    @property
    def catalog(self) -> Catalog:
        if self._catalog is None:
            raise RuntimeError("the catalogue is read by Watcher.start()")
        return self._catalog

    def on_change(self, callback: OnChange) -> None:
        """Call a function (or await a coroutine function) with every new catalogue."""
        self._callbacks.append(callback)

    async def start(self) -> None:
        """Read the catalogue (CatalogError when it has mistakes) and watch it from now on."""
        self._stop.clear()
        self._seen = await asyncio.to_thread(look, self._folders)
        self._catalog = self._right = await asyncio.to_thread(read_catalog, *self._folders)
        self._task = asyncio.create_task(self._watch(), name="catalogue watcher")

    async def stop(self) -> None:
        self._stop.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                await self._watch_events()
            except OSError:
                # A folder is away. Keep what we have, look again soon.
                await self._reread()
                await self._pause()
            except Exception:
                log.exception("watching the catalogue failed; it goes on")
                await self._pause()

    async def _watch_events(self) -> None:
        """Until a folder is replaced by another of the same name: its events would no longer come."""
        watched = [folder.stat().st_ino for folder in self._folders]
        events = awatch(
            *self._folders,
            watch_filter=None,
            debounce=500,
            step=60,
            stop_event=self._stop,
            rust_timeout=max(50, round(self._poll_s * 1000)),
            yield_on_timeout=True,
            recursive=False,
        )
        async for _ in events:
            await self._reread()
            if [folder.stat().st_ino for folder in self._folders] != watched:
                return

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), self._poll_s)
        except TimeoutError:
            return

    async def _reread(self) -> None:
        seen = await asyncio.to_thread(look, self._folders)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            catalog = await asyncio.to_thread(read_catalog, *self._folders)
        except CatalogError as error:
            self.mistakes = error.mistakes
            log.error("changed layer or style files are refused, the earlier ones stay:\n%s", error.detail)
            await self._use(await asyncio.to_thread(self._narrowed))
            return
        self.mistakes, self._right, self._closed = (), catalog, frozenset()
        await self._use(catalog)

    def _narrowed(self) -> Catalog:
        """The last right catalogue without what may no longer be public."""
        assert self._right is not None  # noqa: S101 - read by start()
        self._closed = forbidden(self._right, self._folders[0], self._closed)
        return closed(self._right, self._closed) if self._closed else self._right

    async def _use(self, catalog: Catalog) -> None:
        if catalog == self._catalog:
            return
        self._catalog = catalog
        if self._closed:
            log.warning("may not be republished, so closed to the public: %s", ", ".join(sorted(self._closed)))
        else:
            log.info("took up changed layer or style files: %d layers", len(catalog.layers))
        for callback in self._callbacks:
            await self._tell(callback, catalog)

    async def _tell(self, callback: OnChange, catalog: Catalog) -> None:
        try:
            answer = callback(catalog)
            if inspect.isawaitable(answer):
                await answer
        except Exception:
            log.exception("a listener to the catalogue failed")


def look(folders: tuple[Path, ...]) -> Seen:
    """What tells one state of the folders' files from another, without reading them."""
    found = []
    for folder in folders:
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            paths = []
        for path in paths:
            if path.suffix in {".toml", ".json"} and not path.name.startswith("."):
                try:
                    stat = path.stat()
                except OSError:
                    continue
                found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)
