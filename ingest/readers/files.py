"""Any local file: what it is, told by its content, and which reader takes it."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from geoserver_app.core.filter import Node
from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest import guard, unpack
from ingest.readers.base import FileReader
from ingest.readers.delimited import CsvFile
from ingest.readers.gdal import GdalFile
from ingest.readers.gml import GmlFile
from ingest.readers.parquet import ParquetFile
from ingest.source import BadSource, Batch, Description, Reader, RefusedSource

FILE_READERS: tuple[type[FileReader], ...] = (GdalFile, GmlFile, ParquetFile, CsvFile)

SUFFIXES: dict[str, str] = {
    ".shp": "shp", ".gpkg": "gpkg", ".fgb": "flatgeobuf", ".parquet": "parquet", ".geoparquet": "parquet",
    ".geojson": "geojson", ".json": "geojson", ".geojsonl": "geojson", ".ndjson": "geojson", ".gml": "gml",
    ".kml": "kml", ".gpx": "gpx", ".pbf": "osm", ".osm": "osm", ".csv": "csv", ".tsv": "csv",
}  # fmt: skip
"""Members of a zip that can hold a layer, with their format."""

_ROOTS: tuple[tuple[bytes, str], ...] = (
    (b"<kml", "kml"),
    (b"http://www.opengis.net/kml", "kml"),
    (b"<gpx", "gpx"),
    (b"<osm", "osm"),
    (b"http://www.opengis.net/gml", "gml"),
)


@dataclass(frozen=True)
class Member:
    """A file inside a zip that can hold a layer."""

    name: str
    format: str

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name.replace("\\", "/")).stem


class LocalFile(Reader):
    """A file on this machine, unpacked where it is packed, through the reader of its format.

    ``source.crs`` overrides what a source of kind "file" says of itself; with other kinds it is the CRS
    a service would be asked for, and counts only where the file says nothing.
    """

    def __init__(self, path: Path, source: Source, settings: Settings, work: Path, where: Node | None = None) -> None:
        path = guard.local_file(path)
        self._folder: Path | None = None
        self._work = work
        try:
            format_ = sniff(path)
            layer = source.layer
            if format_ == "gzip":
                path = unpack.gunzip(path, self._temporary(), settings.source_unpacked_bytes_max)
                format_ = sniff(path)
            if format_ == "zip":
                path, format_, layer = self._unzipped(path, layer, settings.source_unpacked_bytes_max)
            self.inner = _reader(path, format_, replace(source, layer=layer), settings, work, where)
        except BaseException:
            self.close()
            raise

    def describe(self) -> Description:
        return self.inner.describe()

    def batches(self, rows: int) -> Iterator[Batch]:
        return self.inner.batches(rows)

    def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _temporary(self) -> Path:
        if self._folder is None:
            self._work.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="source-", dir=self._work))
        return self._folder

    def _unzipped(self, path: Path, layer: str | None, bytes_max: int) -> tuple[Path, str, str | None]:
        """Unpack the member that holds the layer, with the files beside it that belong to it."""
        with _opened(path) as archive:
            names = [m.filename for m in unpack.check_zip(archive, path.name, bytes_max)]
        member, inner = _chosen(path, names, layer)
        if member.format == "gdb":
            wanted = [n for n in names if n.startswith(member.name + "/")]
        else:
            stem = member.name.rsplit(".", 1)[0].lower() + "."
            wanted = [n for n in names if n.lower().startswith(stem) or n == member.name]
        if member.format == "shp" and not any(n.lower() == f"{stem}shx" for n in wanted):
            raise BadSource(f"{path.name} lacks {member.name[:-4]}.shx, without which {member.name} cannot be read")
        folder = self._temporary()
        unpack.unzip(path, folder, wanted, bytes_max)
        found = folder.joinpath(*PurePosixPath(member.name).parts)
        return found, sniff(found), inner


def layers_of(path: Path, bytes_max: int = 20_000_000_000) -> tuple[str, ...]:
    """Names of the layers with a geometry in a local file, as ``source.layer`` would name them."""
    path = guard.local_file(path)
    format_ = sniff(path)
    if format_ not in {"zip", "gzip"}:
        return _class(format_, path).layers(path, format_)
    with tempfile.TemporaryDirectory(prefix="layers-") as folder:
        if format_ == "gzip":
            return layers_of(unpack.gunzip(path, Path(folder), bytes_max), bytes_max)
        with _opened(path) as archive:
            found = members([m.filename for m in unpack.check_zip(archive, path.name, bytes_max)])
        if len(found) != 1 or found[0].format == "shp":
            return tuple(member.stem for member in found)
        unpack.unzip(path, Path(folder), None, bytes_max)
        inside = Path(folder).joinpath(*PurePosixPath(found[0].name).parts)
        return _class(found[0].format, inside).layers(inside, found[0].format)


def sniff(path: Path) -> str:
    """The format of a file by its first bytes; BadSource where they belong to none that is read.

    What the content is decides, so that a VRT named .geojson is refused before GDAL sees it.
    """
    if path.is_dir():
        if path.suffix.lower() == ".gdb":
            return "gdb"
        raise BadSource(f"{path.name} is a folder; give a file")
    with path.open("rb") as stream:
        head = stream.read(65536)
    magic: tuple[tuple[bool, str], ...] = (
        (head.startswith(b"PK\x03\x04"), "zip"),
        (head.startswith(b"\x1f\x8b"), "gzip"),
        (head.startswith(b"fgb"), "flatgeobuf"),
        (head.startswith(b"PAR1"), "parquet"),
        (head.startswith(b"\x00\x00\x27\x0a"), "shp"),
        (head.startswith(b"SQLite format 3\x00"), "gpkg"),
        (b"OSMHeader" in head[:64], "osm"),
    )
    for matches, name in magic:
        if matches:
            return name
    return _sniff_text(path, head)


def _sniff_text(path: Path, head: bytes) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x1e \t\r\n")
    if not text:
        raise BadSource(f"{path.name} is empty")
    if b"OGRVRT" in head or b"gdal_streamed_alg" in head:
        raise RefusedSource(f"{path.name} points at other sources (a GDAL virtual file); give the data itself")
    if text.startswith(b"<"):
        guard.check_xml(path)
        for mark, name in _ROOTS:
            if mark in text:
                return name
        raise BadSource(f"{path.name} is XML of a kind that is not read (GML, KML, GPX and OSM are)")
    if text.startswith((b"{", b"[")):
        return "geojson"
    if b"\x00" in head:
        raise BadSource(f"{path.name} is of a kind that is not read")
    return "csv"


def members(names: list[str]) -> tuple[Member, ...]:
    """The members of a zip that can hold layers, in their order."""
    found = [Member(n, SUFFIXES[s]) for n in names if (s := PurePosixPath(n.lower()).suffix) in SUFFIXES]
    folders = {
        str(parent) for n in names for parent in PurePosixPath(n).parents if str(parent).lower().endswith(".gdb")
    }
    found.extend(Member(name, "gdb") for name in sorted(folders))
    return tuple(
        m for m in found if not PurePosixPath(m.name).name.startswith((".", "__")) and "__MACOSX" not in m.name
    )


def _chosen(path: Path, names: list[str], layer: str | None) -> tuple[Member, str | None]:
    """The member asked for, and the layer inside it. ``layer`` names a member, or a layer of the only one."""
    found = members(names)
    if not found:
        inside = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        raise BadSource(f"{path.name} holds no file that is read; in it are {inside or 'no files'}")
    if layer is not None:
        for member in found:
            if layer in (member.name, member.stem, PurePosixPath(member.name).name):
                return member, None
        outer, _, inner = layer.partition(":")
        for member in found:
            if inner and outer in (member.name, member.stem, PurePosixPath(member.name).name):
                return member, inner
    if len(found) == 1 and (layer is None or found[0].format != "shp"):
        return found[0], layer
    known = ", ".join(member.stem for member in found)
    asked = f"no {layer!r} but" if layer is not None else "several layers:"
    raise BadSource(f"{path.name} holds {asked} {known}; name one")


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise BadSource(f"{path.name} is a damaged zip ({error}); fetch it again") from None


def _class(format_: str, path: Path) -> type[FileReader]:
    for reader in FILE_READERS:
        if format_ in reader.formats:
            return reader
    raise BadSource(f"{path.name} is packed twice; unpack it first")


def _reader(path: Path, format_: str, source: Source, settings: Settings, work: Path, where: Node | None) -> FileReader:
    return _class(format_, path)(path, source, settings, work, where, format_)
