"""The readers, and which of them a source needs.

To read another kind of file, write one class beside the others and name it in ``FILE_READERS``; another
kind of service is named in ``READERS``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.http import is_url
from ingest.readers.arcgis_layers import arcgis
from ingest.readers.files import FILE_READERS, SUFFIXES, LocalFile, layers_of
from ingest.readers.remote import RemoteFile
from ingest.readers.spw import SpwReader, read_wish
from ingest.readers.wfs import WfsReader
from ingest.rows import read_where
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
    "READERS",
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


def _file(source: Source, settings: Settings, work: Path) -> Reader:
    if not source.url:
        raise BadSource("the source has no url; give it one, or name a file with --from")
    if is_url(source.url):
        return RemoteFile(source, settings, work)
    return LocalFile(Path(source.url), source, settings, work, read_where(source.where, settings))


READERS: Mapping[str, Callable[[Source, Settings, Path], Reader]] = {
    "arcgis": arcgis,
    "wfs": WfsReader,
    "spw": SpwReader,
    "file": _file,
}
"""The reader of each ``source.kind``."""


def open_source(source: Source, settings: Settings, *, override: str | None = None, work: Path) -> Reader:
    """The reader of a source; ``override`` is a file or URL to read in its place.

    A file in place of a service holds the service's fields under their names: it is filtered as the
    service would be (with what of its words CQL2 knows) and its own CRS counts. ``work`` is a folder for
    temporary files. Raises BadSource, and BadFilter for a ``where`` that cannot be read.
    """
    if override is None:
        return READERS[source.kind](source, settings, work)
    if source.kind == "file" or (is_url(override) and not _is_file(override)):
        return READERS[source.kind](replace(source, url=override), settings, work)
    layer = read_wish(source.layer).member if source.kind == "spw" and source.layer else None
    return _file(replace(source, url=override, layer=layer), settings, work)


def _is_file(url: str) -> bool:
    """Whether an address is that of a file rather than of a service."""
    suffix = PurePosixPath(urlsplit(url).path.lower()).suffix
    return suffix in SUFFIXES or suffix in (".zip", ".gz")
