from pathlib import Path

import pytest

from tests.catalogue.folders import Folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)
