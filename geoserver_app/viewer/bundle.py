"""The built viewer: every file of ``dist/`` read once, so an address is a key and never a path."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

DIST = Path(__file__).parent / "dist"
TWINS = {".br": "br", ".gz": "gzip"}
"""Endings of the compressed twins made by the build, and the content coding each one is."""

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".pbf": "application/x-protobuf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class Asset:
    """One file: its bytes as they are, and by content coding where compression pays."""

    body: bytes
    media_type: str
    etag: str
    coded: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Package:
    """Somebody else's work inside the bundle."""

    name: str
    version: str
    licence: str
    text: str


class Bundle:
    """What ``npm run build`` made. An empty one where it has not run: ``bundle.built`` says so."""

    def __init__(self, dist: Path = DIST) -> None:
        self.assets = dict(_read(dist))
        self.built = "index.html" in self.assets

    def find(self, path: str) -> Asset | None:
        """The file at a path inside ``dist/``, with forward slashes; None where there is none."""
        return self.assets.get(path)

    @property
    def fonts(self) -> frozenset[str]:
        return frozenset(path.split("/")[1] for path in self.assets if path.startswith("glyphs/"))

    def packages(self) -> list[Package]:
        found = self.find("licences.json")
        return [Package(**entry) for entry in json.loads(found.body)] if found else []


def _read(dist: Path) -> Iterator[tuple[str, Asset]]:
    for path in sorted(dist.rglob("*")):
        media_type = MEDIA_TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            continue
        body = path.read_bytes()
        twins = {coding: path.with_name(path.name + ending) for ending, coding in TWINS.items()}
        coded = {coding: twin.read_bytes() for coding, twin in twins.items() if twin.is_file()}
        etag = hashlib.sha256(body).hexdigest()[:20]
        yield path.relative_to(dist).as_posix(), Asset(body, media_type, etag, coded)
