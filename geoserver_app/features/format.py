"""An output format: rows to bytes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from geoserver_app.core.query import Query
from geoserver_app.settings import Settings
from geoserver_app.store.engine import Database


@dataclass(frozen=True)
class Reading:
    """What a format reads from."""

    database: Database
    settings: Settings
    query: Query
    language: str = "fr"


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
