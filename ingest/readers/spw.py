"""Bulk downloads of the Service public de Wallonie, found through their Atom feed.

``source.url`` is ``…/spwdatadownload/results/<UUID>``. ``source.layer`` says which file, and what of it:

- ``FILE.zip`` or ``FILE.zip:MEMBER``: a file by its name, and a member of it (a shapefile's name, or
  ``MEMBER:LAYER`` for a layer of a GeoPackage);
- ``FORMAT:PROVINCE:MEMBER``: the file of a format (``SHAPE``, ``GEOPACKAGE``, ``CSV``) and province
  (``LIEGE``, ``NAMUR``, …; empty: the whole region). Member may be left out where there is one only.

Where files differ by CRS alone, the one named after ``source.crs`` is taken. The zip's licence page is kept
beside the data until the reader is closed.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from zipfile import BadZipFile, ZipFile

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest import unpack, xml
from ingest.http import Client, HttpError, masked
from ingest.readers.files import LocalFile
from ingest.rows import read_where
from ingest.source import BadSource, Batch, Description, Reader

LICENCE_PAGE = "Conditions_Utilisation_Access.html"
FORMATS = ("SHAPE", "GEOPACKAGE", "FILEGDB", "CSV", "GML")
EXPIRED = b"Download Dataset Expired"


@dataclass(frozen=True)
class Entry:
    """A file offered in the feed."""

    url: str
    length: int | None
    updated: str | None

    @property
    def name(self) -> str:
        return PurePosixPath(unquote(urlsplit(self.url).path)).name


@dataclass(frozen=True)
class Wish:
    """What ``source.layer`` asks for."""

    file: str | None
    format: str | None
    province: str | None
    member: str | None


class SpwReader(Reader):
    """One member of one file of a bulk download; the module's text says how it is named."""

    def __init__(self, source: Source, settings: Settings, work: Path) -> None:
        if not source.url or not source.layer:
            raise BadSource("an SPW source needs url, the address of its results, and layer, which of the files")
        self.source = source
        self.settings = settings
        self.work = work
        self.client = Client(source.url, settings)
        self.wish = read_wish(source.layer)
        self._folder: Path | None = None
        self._file: LocalFile | None = None
        self._description: Description | None = None

    def describe(self) -> Description:
        if self._description is None:
            entry = self._chosen(self._entries())
            path = self._downloaded(entry)
            inner = replace(self.source, url=str(path), layer=self.wish.member, where=None)
            self._file = LocalFile(path, inner, self.settings, self.work, read_where(self.source.where, self.settings))
            described = self._file.describe()
            page = self._licence_page(path)
            self._description = replace(described, date=described.date or entry.updated, licence_page=page)
        return self._description

    def batches(self, rows: int) -> Iterator[Batch]:
        self.describe()
        assert self._file is not None  # noqa: S101 - describe() has just opened it
        return self._file.batches(rows)

    def close(self) -> None:
        self.client.close()
        if self._file is not None:
            self._file.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _entries(self) -> list[Entry]:
        """The files of the dataset, through the service's feed and the dataset's."""
        base = str(self.source.url).rstrip("/")
        service = self._feed(f"{base}/atom_service.xml")
        datasets = [url for url, _, _ in service if url.endswith(".xml")] or [f"{base}/atom_dataset.xml"]
        found = [Entry(*link) for url in dict.fromkeys(datasets) for link in self._feed(url)]
        return [entry for entry in found if entry.name.lower().endswith((".zip", ".gpkg"))]

    def _feed(self, url: str) -> list[tuple[str, int | None, str | None]]:
        """Address, length and date of the links in a feed's entries (RFC 4287)."""
        try:
            root = self.client.ask(url, xml.parse)
        except HttpError as error:
            raise self._explained(error, url) from None
        found: list[tuple[str, int | None, str | None]] = []
        for entry in (e for e in root.iter() if xml.local(e) == "entry"):
            date = xml.text_of(entry, "updated")[:10] or None
            links = [e for e in xml.find_all(entry, "link") if e.get("href")]
            found.extend((urljoin(url, link.get("href")), _length(link), date) for link in links)
        return found

    def _chosen(self, entries: list[Entry]) -> Entry:
        wish = self.wish
        by_url = {entry.url: entry for entry in entries}
        fitting = [entry for entry in by_url.values() if _fits(entry.name, wish)]
        if len(fitting) > 1 and self.source.crs:
            fitting = [e for e in fitting if f"_{self.source.crs}" in e.name] or fitting
        if len(fitting) == 1:
            return fitting[0]
        names = ", ".join(entry.name for entry in (fitting or by_url.values()))
        many = "several files fit" if fitting else "no file fits"
        raise BadSource(f"{many} layer = {self.source.layer!r}; the feed offers {names or 'none'}")

    def _downloaded(self, entry: Entry) -> Path:
        self.work.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="spw-", dir=self.work))
        target = self._folder / entry.name
        try:
            return self.client.download(entry.url, target, entry.length)
        except HttpError as error:
            raise self._explained(error, entry.url) from None

    def _explained(self, error: HttpError, url: str) -> BadSource:
        if error.code == 404 and EXPIRED in error.body:
            return BadSource(
                f"{masked(url)} was made for one visitor and has expired; name a file of the permanent feed"
            )
        if error.code == 404:
            return BadSource(f"{masked(url)} does not exist; check the identifier in the layer's url")
        return error

    def _licence_page(self, path: Path) -> Path | None:
        """The zip's page of conditions, unpacked beside it."""
        try:
            with ZipFile(path) as archive:
                names = [n for n in archive.namelist() if PurePosixPath(n).name == LICENCE_PAGE]
        except BadZipFile:
            return None
        written = unpack.unzip(path, path.parent / "licence", names[:1], self.settings.source_unpacked_bytes_max)
        return written[0] if written else None


def read_wish(text: str) -> Wish:
    """Read ``source.layer`` in one of the two forms the module's text gives."""
    first, _, rest = text.partition(":")
    if first.upper() in FORMATS:
        province, _, member = rest.partition(":")
        return Wish(None, first.upper(), province.upper(), member or None)
    return Wish(first, None, None, rest or None)


def _fits(name: str, wish: Wish) -> bool:
    if wish.file is not None:
        return name.lower() in (wish.file.lower(), f"{wish.file.lower()}.zip")
    parts = re.split(r"[_.]", name.upper())
    province = name.upper().rpartition("_PROV_")[2].removesuffix(".ZIP") if "_PROV_" in name.upper() else ""
    return wish.format in parts and province == wish.province


def _length(link: Any) -> int | None:
    told = str(link.get("length") or "")
    return int(told) if told.isdigit() and int(told) > 0 else None
