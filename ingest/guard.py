"""What GDAL may open: local files of known formats that point nowhere else."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

import pyogrio
from pyogrio import _ogr

from ingest.source import BadSource, RefusedSource

DRIVERS: tuple[str, ...] = (
    "ESRI Shapefile", "GPKG", "GeoJSON", "GeoJSONSeq", "ESRIJSON", "TopoJSON", "FlatGeobuf", "GML",
    "KML", "LIBKML", "GPX", "OSM", "OpenFileGDB",
)  # fmt: skip
"""Everything else is taken from GDAL while a source is opened: VRT and GDALG chain to other sources,
WFS, OAPIF, Carto and their like speak to the network."""

OPTIONS: dict[str, str] = {
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    # Guessed numbers would lose leading zeros; our own look at the text keeps them.
    "GML_FIELDTYPES": "ALWAYS_STRING",
}

PROLOGUE_BYTES = 1_000_000
"""The document type and the root element of an XML file stand within this."""

_lock = RLock()
_ASIDE = re.compile(rb"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_ELEMENT = re.compile(rb"<[A-Za-z_]")
_DOCTYPE = re.compile(rb"<!")
_SCHEMA = re.compile(rb"schemaLocation\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_INCLUDE = re.compile(rb"<(?:\w+:)?(?:include|NetworkLink)\b", re.IGNORECASE)


@contextmanager
def only_safe_drivers() -> Iterator[None]:
    """Within it GDAL knows the drivers of the list only, and its network file systems open nothing.

    The drivers come back afterwards: a process that also speaks OGC API as a client keeps them.
    """
    with _lock:
        banned = sorted(set(pyogrio.list_drivers()) - set(DRIVERS))
        pyogrio.set_gdal_config_options({**OPTIONS, "GDAL_SKIP": ",".join(banned)})
        _ogr._register_drivers()
        try:
            left = set(pyogrio.list_drivers()) - set(DRIVERS)
            if left:
                raise RefusedSource(f"this GDAL cannot be kept from using {', '.join(sorted(left))}")
            yield
        finally:
            pyogrio.set_gdal_config_options({**dict.fromkeys(OPTIONS), "GDAL_SKIP": None})
            _ogr._register_drivers()


def local_file(path: Path | str) -> Path:
    """The path of an existing file or folder, absolute, so that GDAL sees no connection string in it."""
    text = str(path)
    if text.startswith("/vsi") or "://" in text or "\x00" in text:
        raise RefusedSource(f"{text!r} is not a local file; download it first and give its path")
    found = Path(text)
    if not found.exists():
        raise BadSource(f"{text!r} does not exist")
    return found.resolve()


def check_xml(path: Path) -> None:
    """Refuse XML that declares entities or points at schemas and documents outside itself."""
    with path.open("rb") as stream:
        head = stream.read(PROLOGUE_BYTES)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.decode("utf-16", errors="replace").encode()
    plain = _ASIDE.sub(b"", head)
    root = _ELEMENT.search(plain)
    if root is None or _DOCTYPE.search(plain[: root.start()]):
        raise RefusedSource(f"{path.name} declares a document type or entities; remove them")
    if _INCLUDE.search(plain):
        raise RefusedSource(f"{path.name} includes other documents; remove the references")
    for found in _SCHEMA.finditer(plain):
        for place in (found.group(1) or found.group(2) or b"").split():
            text = place.decode("utf-8", errors="replace")
            if text.startswith(("/", "\\", "file:")) or ".." in text.split("/"):
                raise RefusedSource(f"{path.name} refers to the schema {text!r} outside its folder; remove that")
