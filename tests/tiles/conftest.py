from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.tiles.hand import with_folders


@pytest.fixture
def empty(database: TestDatabase, tmp_path: Path) -> TestDatabase:
    """A database and a catalogue without a layer."""
    return with_folders(database, tmp_path)
