"""What the set-up does to the machine before PostgreSQL's packages are installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from system import Apt, forbid_main_cluster

class Here(Apt):
    def prefix(self, packages):
        return ["env"]

forbid_main_cluster(Here(), ["postgresql"], Path(sys.argv[3]))
"""
CONF = "etc/postgresql-common/createcluster.conf"
LINE = "create_main_cluster = false"


def forbid(root: Path) -> str:
    folders = (REPOSITORY, REPOSITORY / "script")
    subprocess.run([sys.executable, "-c", PROGRAM, *folders, root], check=True)
    return (root / CONF).read_text() if (root / CONF).exists() else ""


def put(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"{LINE}\n"),
        ("", f"{LINE}\n"),
        (
            "# Debian's\n#create_main_cluster = true\nssl = on\n",
            f"# Debian's\n#create_main_cluster = true\nssl = on\n{LINE}\n",
        ),
        ("a = 'it''s'\ncreate_main_cluster = true\nssl = on\n", f"a = 'it''s'\n{LINE}\nssl = on\n"),
        (f"{LINE}\nssl = on\n", f"{LINE}\nssl = on\n"),
    ],
)
def test_a_machine_without_a_server_makes_no_cluster_of_its_own(tmp_path: Path, before: str | None, after: str) -> None:
    if before is not None:
        put(tmp_path / CONF, before)
    assert forbid(tmp_path) == after


@pytest.mark.parametrize("sign", ["usr/lib/postgresql/16/bin/postgres", "etc/postgresql/15/main/postgresql.conf"])
def test_a_machine_with_a_server_keeps_its_setting(tmp_path: Path, sign: str) -> None:
    put(tmp_path / sign)
    assert forbid(tmp_path) == ""
    put(tmp_path / CONF, "create_main_cluster = true\n")
    assert forbid(tmp_path) == "create_main_cluster = true\n"
