"""A single file on a web server, fetched whole and read as a local one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.http import Client
from ingest.readers.files import LocalFile
from ingest.rows import read_where
from ingest.source import Batch, Description, Reader


class RemoteFile(Reader):
    """``source.url`` is the file's address; everything else is as with a local file."""

    def __init__(self, source: Source, settings: Settings, work: Path) -> None:
        self.source = source
        self.settings = settings
        self.work = work
        self.client = Client(str(source.url), settings)
        self._folder: Path | None = None
        self._file: LocalFile | None = None

    def describe(self) -> Description:
        return self._fetched().describe()

    def batches(self, rows: int) -> Iterator[Batch]:
        return self._fetched().batches(rows)

    def close(self) -> None:
        self.client.close()
        if self._file is not None:
            self._file.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _fetched(self) -> LocalFile:
        if self._file is None:
            self.work.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="fetched-", dir=self.work))
            name = PurePosixPath(unquote(urlsplit(str(self.source.url)).path)).name.strip(".\\") or "file"
            path = self.client.download(str(self.source.url), self._folder / name)
            where = read_where(self.source.where, self.settings)
            self._file = LocalFile(path, self.source, self.settings, self.work, where)
        return self._file
