"""The readers, and which of them a source needs.

To read another kind of file, write one class beside the others and name it in ``FILE_READERS``; another
kind of service is named in ``READERS``.
"""

from pathlib import Path

from geoserver_app.core.filter import Node
from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.readers.files import FILE_READERS, LocalFile, layers_of
from ingest.source import (
    GEOMETRY,
    KEY,
    BadSource,
    Batch,
    Description,
    Reader,
    RefusedSource,
    SourceChanged,
    SourceField,
    SourceUnavailable,
)

__all__ = [
    "FILE_READERS",
    "GEOMETRY",
    "KEY",
    "BadSource",
    "Batch",
    "Description",
    "Reader",
    "RefusedSource",
    "SourceChanged",
    "SourceField",
    "SourceUnavailable",
    "layers_of",
    "open_source",
]


def open_source(source: Source, settings: Settings, *, override: str | None = None, work: Path) -> Reader:
    """The reader of a source; ``override`` is a file or URL to read in its place.

    ``work`` is a folder for temporary files. Raises BadSource.
    """
    place = override or source.url
    if not place:
        raise BadSource("the source has no url; give it one, or name a file with --from")
    return LocalFile(Path(place), source, settings, work, _where(source))


def _where(source: Source) -> Node | None:
    """The filter of a file's rows, written in CQL2 text."""
    if not source.where:
        return None
    from geoserver_app.filters.cql2 import parse_text

    return parse_text(source.where)
