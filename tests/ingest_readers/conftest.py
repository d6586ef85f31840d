from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from geoserver_app.settings import Settings
from tests.ingest_readers.server import Ear

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def settings() -> Settings:
    """Waits of nearly nothing, so that repeated requests cost no time."""
    return replace(Settings(), source_backoff_s=0.001, source_requests_per_second=10_000.0, source_timeout_s=5.0)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


@pytest.fixture(scope="session")
def data() -> Path:
    if not DATA.is_dir():
        pytest.skip(f"the real files are not in {DATA}")
    return DATA


@pytest.fixture
def ear() -> Iterator[Ear]:
    listening = Ear()
    yield listening
    listening.socket.close()
