"""An output format: rows to bytes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from geoserver_app.core.errors import Overloaded
from geoserver_app.core.query import Query
from geoserver_app.settings import Settings
from geoserver_app.store.engine import Database


class Exports:
    """How many files may be made at a time; beyond that Overloaded."""

    def __init__(self, most: int) -> None:
        self.free = most

    @contextmanager
    def turn(self) -> Iterator[None]:
        if self.free <= 0:
            raise Overloaded("as many files as may be are being made now", retry_after=10)
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1


@dataclass(frozen=True)
class Reading:
    """What a format reads from."""

    database: Database
    settings: Settings
    query: Query
    exports: Exports


class Format:
    """A way to write the rows of a query.

    ``name`` is the value of ``f=``, ``suffix`` the end of a downloaded file's name. A download
    holds the whole answer unless a limit was asked for.
    """

    name: str
    media_type: str
    suffix: str

    def write(self, reading: Reading) -> AsyncIterator[bytes]:
        """The answer, piece by piece at constant memory; raises before the first piece or breaks off."""
        raise NotImplementedError
