"""Ctrl-C and SIGTERM at any moment of a command: one sentence, status 130."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from geoserver_app import interrupts
from geoserver_app.store.migrate import LOCK
from tests.conftest import REPOSITORY, TestDatabase, environment

DELAYS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.0)
"""Seconds after the start; the command goes on until it is interrupted."""


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_a_command_interrupted_at_any_moment_says_so_and_exits_130(
    database: TestDatabase, number: signal.Signals
) -> None:
    with psycopg.connect(database.owner_url) as blocker:
        blocker.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for delay in DELAYS:
            process = subprocess.Popen(
                [sys.executable, "-m", "geoserver_app", "layers"],
                env=environment(database.settings),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=interrupts.hold,  # noqa: PLW1509 - this process has no threads
            )
            time.sleep(delay)
            process.send_signal(number)
            told, said = process.communicate(timeout=60)
            assert (process.returncode, told, said) == (130, "", "maillage: interrupted\n"), delay


def test_the_scripts_are_interrupted_alike_from_their_first_moment(tmp_path: Path) -> None:
    for name in ("script", "geoserver_app/store"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    for name in ("__init__.py", "interrupts.py", "settings.py"):
        shutil.copy(REPOSITORY / "geoserver_app" / name, tmp_path / "geoserver_app")
    for delay in DELAYS[:4]:
        process = subprocess.Popen(
            [sys.executable, tmp_path / "script" / "bootstrap.py", "maillage", "layers"],
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=interrupts.hold,  # noqa: PLW1509 - this process has no threads
        )
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130, (delay, said)
        assert said.endswith("maillage: interrupted\n")
        assert "Traceback" not in said


def test_a_signal_someone_ignores_for_us_stays_ignored() -> None:
    program = (
        "from geoserver_app import interrupts; interrupts.leave(); signal.raise_signal(signal.SIGINT); print('goes on')"
    )
    ignoring = subprocess.run(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {program}"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ignoring.stdout == "goes on\n"


def test_help_does_not_wait_for_the_database_s_libraries() -> None:
    program = (
        "import sys, geoserver_app.cli; print([m for m in ('sqlalchemy', 'psycopg', 'alembic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_connection_in_the_middle_of_a_statement_makes_no_noise(database: TestDatabase) -> None:
    program = f"""
import signal
from geoserver_app.store.loading import connect_owner
from ingest.cli import _interruptible

try:
    with _interruptible(), connect_owner({database.owner_url!r}) as connection:
        connection.execute("SELECT 1")
        connection.pgconn.send_query(b"SELECT pg_sleep(1)")
        signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
