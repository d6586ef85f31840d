"""The scripts a person types: what they say on a machine that lacks something, and what they install."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPOSITORY


def pins(name: str) -> dict[str, str]:
    found = {}
    for line in (REPOSITORY / "script" / name).read_text().splitlines():
        if "==" in line and not line.startswith("#"):
            pinned = Requirement(line)
            found[canonicalize_name(pinned.name)] = str(pinned.specifier).removeprefix("==")
    return found


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-test.txt"])
def test_every_dependency_is_pinned_to_a_version_that_the_project_allows(name: str) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"]
    if name == "requirements-test.txt":
        wanted = wanted + project["dependency-groups"]["test"]
    pinned = pins(name)
    missing = [
        text
        for text in wanted
        for one in [Requirement(text)]
        if not one.specifier.contains(pinned.get(canonicalize_name(one.name), "0"), prereleases=True)
    ]
    assert missing == [], "run script/lock"


def test_the_test_pins_hold_the_server_s_pins_unchanged() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-test.txt").items()


@pytest.mark.parametrize("script", ["server", "test", "maillage"])
def test_a_machine_without_a_recent_python_is_told_so_in_one_sentence(script: str, tmp_path: Path) -> None:
    for name in ("bash", "dirname", "readlink"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        [tmp_path / "bash", REPOSITORY / "script" / script],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "3.11" in done.stderr
