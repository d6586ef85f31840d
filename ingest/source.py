"""What a reader tells about a source and gives from it, whatever the source is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from geoserver_app.core.errors import GeoError
from geoserver_app.core.layer import FieldType, GeometryType

Batch = Any
"""A ``pyarrow.RecordBatch`` (pyarrow has no types of its own)."""

GEOMETRY = "__geometry__"
KEY = "__key__"


class BadSource(GeoError):
    """The source cannot be read as it is; the text says what to mend."""

    status = 422
    title = "Source cannot be read"


class RefusedSource(BadSource):
    """The source reaches out of itself (network, other files) or would fill the disk."""

    title = "Source refused"


class SourceUnavailable(BadSource):
    """The service did not give a usable answer, however often it was asked."""

    status = 502
    title = "Source unavailable"


class SourceChanged(BadSource):
    """The rows read are not the rows announced: they changed meanwhile, or some were lost."""

    status = 409
    title = "Source changed while it was read"


@dataclass(frozen=True)
class SourceField:
    """One attribute under the exact name the source gives it."""

    name: str
    type: FieldType


@dataclass(frozen=True)
class Description:
    """What a source says of itself before its rows are read."""

    fields: tuple[SourceField, ...]
    geometry: GeometryType
    """The most specific type that fits every row; "Geometry" where none does."""
    srid: int | None
    """EPSG number of the rows' CRS; None: the source does not say and the caller must be asked."""
    count: int | None
    """Rows announced; None where only reading them would tell."""
    key: str | None
    """Field that identifies a row from load to load, one of ``fields`` or the source's own row id."""
    date: str | None = None
    """Date of the data as the source states it."""
    licence_page: Path | None = None
    name: str = ""
    """Name of the layer inside the source."""
    note: str = ""
    """What whoever loads it should know."""


class Reader(ABC):
    """One layer of one source, read as a stream.

    ``close`` removes whatever the reader wrote under its work folder, so a description's
    ``licence_page`` must be copied before.
    """

    @abstractmethod
    def describe(self) -> Description:
        """What the source says; may cost a pass over it. The answer does not change."""

    @abstractmethod
    def batches(self, rows: int) -> Iterator[Batch]:
        """Batches of at most ``rows`` rows: the described fields, ``__geometry__``, ``__key__``.

        Columns are string, int64, float64, bool, date32 or timestamp[us, UTC]; a time without a
        zone is taken as UTC. Geometry is 2D WKB, possibly null or invalid, x before y. The key is
        text: the source's key, or the row's number from 1 where it has none.
        """

    def close(self) -> None:  # noqa: B027 - many readers hold nothing
        """Let go of files and connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
