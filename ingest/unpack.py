"""Zips and gzips opened with suspicion: nothing lands outside the folder, nothing fills the disk."""

import gzip
import stat
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Protocol

from ingest.source import BadSource, RefusedSource

CHUNK = 1 << 20
RATIO_MAX = 300
"""Largest growth of a packed member. Real dbf and GML files reach 100; a bomb starts at 1000."""
RATIO_FREE_BYTES = 50_000_000
"""Growth is not judged below this size."""
MEMBERS_MAX = 20_000


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def check_zip(archive: zipfile.ZipFile, name: str, bytes_max: int) -> list[zipfile.ZipInfo]:
    """The members that are files; RefusedSource for names that escape, links, bombs, passwords."""
    members = archive.infolist()
    if len(members) > MEMBERS_MAX:
        raise RefusedSource(f"{name} holds {len(members)} files; more than {MEMBERS_MAX} are refused")
    total = 0
    for member in members:
        _check_member(member, name)
        total += member.file_size
    if total > bytes_max:
        raise RefusedSource(
            f"{name} would unpack to {total} bytes; raise MAILLAGE_SOURCE_UNPACKED_BYTES_MAX to allow it"
        )
    return [m for m in members if not m.is_dir()]


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\x00" in member.filename:
        raise RefusedSource(f"{name} holds {member.filename!r}, which would land outside its folder")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise RefusedSource(f"{name} holds {member.filename!r}, which is a link or a device")
    if member.flag_bits & 1:
        raise BadSource(f"{name} is protected by a password; unpack it first")
    packed = max(member.compress_size, 1)
    if member.file_size > RATIO_FREE_BYTES and member.file_size / packed > RATIO_MAX:
        raise RefusedSource(f"{name} holds {member.filename!r}, which grows {member.file_size // packed} times")


def unzip(path: Path, into: Path, names: Iterable[str] | None, bytes_max: int) -> list[Path]:
    """Unpack the named members (all if None) and return where they are."""
    written: list[Path] = []
    wanted = None if names is None else set(names)
    try:
        with zipfile.ZipFile(path) as archive:
            for member in check_zip(archive, path.name, bytes_max):
                if wanted is not None and member.filename not in wanted:
                    continue
                target = into.joinpath(*PurePosixPath(member.filename.replace("\\", "/")).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as stream:
                    _copy(stream, target, member.file_size, path.name)
                written.append(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BadSource(f"{path.name} is a damaged zip ({error}); fetch it again") from None
    return written


def gunzip(path: Path, into: Path, bytes_max: int) -> Path:
    """Unpack a single gzipped file next to others in ``into``, without its .gz."""
    into.mkdir(parents=True, exist_ok=True)
    target = into / path.name.removesuffix(".gz")
    most = min(bytes_max, max(path.stat().st_size * RATIO_MAX, RATIO_FREE_BYTES))
    try:
        with gzip.open(path) as stream:
            _copy(stream, target, most, path.name)
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BadSource(f"{path.name} is a damaged gzip ({error}); fetch it again") from None
    return target


def _copy(stream: Readable, target: Path, most: int, name: str) -> None:
    done = 0
    with target.open("wb") as out:
        while chunk := stream.read(CHUNK):
            done += len(chunk)
            if done > most:
                raise RefusedSource(f"{name} unpacks to more than it says or is allowed ({most} bytes)")
            out.write(chunk)
