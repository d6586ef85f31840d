"""Formats that only GDAL writes: a process of its own makes the file, which is then sent.

GDAL keeps Python's lock while it writes and a spatial index takes seconds, so it does not run in
a serving process. Batches travel to it as an Arrow stream and wait for it to keep up.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from geoserver_app.core.errors import GeoError, TookTooLong
from geoserver_app.features.format import Format, Reading
from geoserver_app.features.formats.arrow import batches, schema

PIECE = 1 << 18
WRITER = Path(__file__).with_name("writer.py")


class CannotWrite(GeoError):
    title = "The file could not be made"


class GdalFormat(Format):
    """A format by the name of its GDAL driver."""

    driver: str

    async def write(self, reading: Reading) -> AsyncIterator[bytes]:
        with tempfile.TemporaryDirectory(prefix="maillage-export-") as folder:
            path = Path(folder) / f"{reading.query.target.id}.{self.suffix}"
            try:
                with reading.exports.turn():
                    await asyncio.wait_for(self._make(reading, path), reading.settings.download_timeout_ms / 1000)
            except TimeoutError:
                raise TookTooLong("the file took too long; ask for fewer features") from None
            with await asyncio.to_thread(path.open, "rb") as file:
                while piece := await asyncio.to_thread(file.read, PIECE):
                    yield piece

    async def _make(self, reading: Reading, path: Path) -> None:
        query = reading.query
        kind = query.target.layer.geometry if query.geometry else ""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", str(WRITER), self.driver, str(path), query.target.id, f"EPSG:{query.crs.srid}", kind,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stdin is not None  # noqa: S101
            with suppress(ConnectionError):  # its own words say why it left
                await _send(process.stdin, reading)
            _, told = await process.communicate()
        except BaseException:
            if process.returncode is None:
                process.kill()
            await process.wait()
            raise
        if process.returncode:
            raise CannotWrite(f"the {self.driver} file could not be made: {told.decode(errors='replace')[-300:]}")


async def _send(pipe: asyncio.StreamWriter, reading: Reading) -> None:
    with pa.ipc.new_stream(_Pipe(pipe), schema(reading.query)) as stream:
        async for batch in batches(reading):
            stream.write_batch(batch)
            await pipe.drain()


class _Pipe:
    """What Arrow writes to: bytes go to the process, waiting is left to `drain`."""

    closed = False

    def __init__(self, pipe: asyncio.StreamWriter) -> None:
        self.pipe = pipe

    def write(self, data: bytes) -> int:
        self.pipe.write(bytes(data))
        return len(data)

    def flush(self) -> None: ...


class FlatGeobuf(GdalFormat):
    name, media_type, suffix, driver = "fgb", "application/vnd.flatgeobuf", "fgb", "FlatGeobuf"


class GeoPackage(GdalFormat):
    name, media_type, suffix, driver = "gpkg", "application/geopackage+sqlite3", "gpkg", "GPKG"
