"""The server's processes: each may be killed, and none outlives the one that started it."""

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from geoserver_app.settings import read_settings
from geoserver_app.store.cluster import Cluster
from tests.conftest import environment, free_port

T = TypeVar("T")
PATIENCE = 60
"""Seconds before a test gives up waiting for something that must come."""


def wait_for(question: Callable[[], T]) -> T:
    deadline = time.monotonic() + PATIENCE
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
    return answer


class Running:
    """`maillage serve` on a port, with what it printed."""

    def __init__(self, home: Path, port: int, *arguments: str) -> None:
        self.port = port
        self.log = home / f"{secrets.token_hex(4)}.log"
        settings = read_settings({}, home=home, port=port, workers=2)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "geoserver_app", "serve", *arguments],
                env=environment(settings),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def printed(self) -> str:
        return self.log.read_text()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.printed()
        return "Maillage is ready" in self.printed()

    def status(self, path: str = "/readyz") -> int:
        """The HTTP status; 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def workers(self) -> set[int]:
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"geoserver_app.worker" in words and str(self.process.pid).encode() in words:
                    found.add(int(entry.name))
        return found

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def start(home: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(port: int | None = None) -> Running:
        started.append(Running(home, port or free_port()))
        return started[-1]

    yield begin
    for server in started:
        server.end()
        server.log.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def shared(start: Callable[..., Running]) -> Running:
    return start()


@pytest.fixture
def server(shared: Running) -> Running:
    """A running server; whoever kills it for good is the last to use it."""
    wait_for(shared.is_ready)
    return shared


def test_ctrl_c_stops_everything_and_the_first_start_shows_a_key(home: Path, start: Callable[..., Running]) -> None:
    first = start()
    wait_for(first.is_ready)
    assert re.search(r"key.*: \S+", first.printed())
    assert first.status() == 200
    workers = first.workers()
    assert len(workers) == 2
    assert first.end(signal.SIGINT) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)
    assert Cluster(home).postmaster() is None


def test_a_later_start_shows_no_key(server: Running) -> None:
    assert "key" not in server.printed()


def test_a_killed_worker_is_replaced(server: Running) -> None:
    before = server.workers()
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    after = wait_for(lambda: len(server.workers() - {victim}) == 2 and server.workers() - {victim})
    assert len(after & before) == 1
    assert wait_for(lambda: server.status() == 200)


def test_the_database_comes_back_after_its_server_was_killed(home: Path, server: Running) -> None:
    killed = Cluster(home).postmaster()
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: Cluster(home).postmaster() not in {None, killed})
    wait_for(lambda: [server.status() for _ in range(6)] == [200] * 6)
    wait_for(lambda: len(server.workers()) == 2)


def test_the_workers_of_a_killed_supervisor_end_and_the_next_start_works_on_the_same_port(
    home: Path, server: Running, start: Callable[..., Running]
) -> None:
    wait_for(lambda: len(server.workers()) == 2)
    server.end(signal.SIGKILL)
    wait_for(lambda: not server.workers())
    wait_for(lambda: server.status() == 0)
    assert Cluster(home).postmaster() is not None

    again = start(server.port)
    wait_for(again.is_ready)
    assert again.status() == 200
    with Cluster(home).used():
        assert again.end() == 0
        assert Cluster(home).postmaster() is not None, "another command still works with it"
    assert Cluster(home).postmaster() is None


def test_a_port_in_use_is_told_in_one_sentence(start: Callable[..., Running]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        server = start(other.getsockname()[1])
        assert server.process.wait(PATIENCE) == 1
    told = server.printed().strip()
    assert "MAILLAGE_PORT" in told
    assert "Traceback" not in told
    assert len(told.splitlines()) == 1
