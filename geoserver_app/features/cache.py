"""What was computed once: bytes kept in bounded memory, and one computation for all who wait.

Keys hold the revisions an answer was made from, so an entry is never wrong; dropping those of an
older revision only frees memory.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

ENTRY_BYTES = 400
"""Memory an entry takes beside its content: key, tags, links."""


@dataclass(frozen=True)
class _Entry(Generic[V]):
    value: V
    size: int
    tags: tuple[str, ...]


class Cache(Generic[K, V]):
    """Least recently used first out, bounded by bytes. ``tags`` name the layers an entry was made from."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.hits = 0
        self.misses = 0
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._tagged: dict[str, set[K]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        found = self._entries.get(key)
        if found is None:
            self.misses += 1
            return None
        self.hits += 1
        self._entries.move_to_end(key)
        return found.value

    def put(self, key: K, value: V, size: int, tags: Iterable[str] = ()) -> None:
        """Keep a value of ``size`` bytes; one larger than a quarter of the room is not kept."""
        size += ENTRY_BYTES
        self.remove(key)
        if size > self.limit // 4:
            return
        entry = _Entry(value, size, tuple(tags))
        self._entries[key] = entry
        self.size += size
        for tag in entry.tags:
            self._tagged.setdefault(tag, set()).add(key)
        while self.size > self.limit:
            self.remove(next(iter(self._entries)))

    def remove(self, key: K) -> None:
        gone = self._entries.pop(key, None)
        if gone is None:
            return
        self.size -= gone.size
        for tag in gone.tags:
            keys = self._tagged[tag]
            keys.discard(key)
            if not keys:
                del self._tagged[tag]

    def drop(self, tag: str) -> None:
        """Remove every entry made from this layer."""
        for key in tuple(self._tagged.get(tag, ())):
            self.remove(key)


@dataclass
class _Work(Generic[V]):
    task: asyncio.Task[V]
    waiting: int = 0


class SingleFlight(Generic[K, V]):
    """Runs one computation per key at a time; all who ask meanwhile get its outcome.

    Who is cancelled leaves alone. When the last one has left, the computation is cancelled too.
    """

    def __init__(self) -> None:
        self._running: dict[K, _Work[V]] = {}

    def __len__(self) -> int:
        return len(self._running)

    async def run(self, key: K, make: Callable[[], Awaitable[V]]) -> V:
        work = self._running.get(key)
        if work is None:
            work = self._running[key] = _Work(asyncio.ensure_future(_started(make)))
            work.task.add_done_callback(_retrieved)
        work.waiting += 1
        try:
            return await asyncio.shield(work.task)
        finally:
            work.waiting -= 1
            if not work.waiting:
                work.task.cancel()
                if self._running.get(key) is work:
                    del self._running[key]


async def _started(make: Callable[[], Awaitable[V]]) -> V:
    return await make()


def _retrieved(task: "asyncio.Task[V]") -> None:
    """Mark an error as seen: when every waiter has left there is nobody to tell."""
    if not task.cancelled():
        task.exception()
