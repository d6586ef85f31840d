"""`maillage serve`: the database, one worker per core, and what becomes of each when another dies."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from types import FrameType

from geoserver_app.auth.accounts import create_key, has_keys
from geoserver_app.settings import Settings
from geoserver_app.store.addresses import Access, check_given, check_login, given_access
from geoserver_app.store.cluster import Cluster, private_cluster
from geoserver_app.store.loading import connect_owner
from geoserver_app.store.migrate import migrate
from geoserver_app.store.postgres import ClusterError
from geoserver_app.worker import STOP_SECONDS, die_with_parent, listen_on

START_SECONDS = 60
"""Longest start of a worker."""
QUICK_DEATH_SECONDS = 5
"""A worker that lived less than this is started again with growing pauses."""
PAUSE_MAX_SECONDS = 10
PORT_SECONDS = 3
"""Wait for the port: workers of a killed supervisor need a moment to notice."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ADDRESSES = (
    ("Viewer", "/"),
    ("QGIS, OGC API - Features", "/ogc"),
    ("QGIS, vector tiles", "/tiles/{layer}.json"),
    ("QGIS, WMS", "/wms"),
    ("QGIS, WMTS", "/wmts"),
    ("QGIS, WFS", "/wfs"),
)
CAPABILITIES = {"/wms": "WMS", "/wmts": "WMTS", "/wfs": "WFS"}


class CannotServe(ClusterError):
    """The server cannot start; the text says what to do."""


class Stopped(BaseException):
    """Someone pressed Ctrl-C or sent SIGTERM."""


def tell(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


@dataclass
class Slot:
    """The place of one worker, filled again when it dies."""

    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    """Quick ones in a row."""
    not_before: float = 0.0


def serve(settings: Settings, *, exercise: bool = False) -> int:
    """Serve until Ctrl-C or SIGTERM, then stop everything that was started; the exit status."""
    with _stoppable():
        reserved = _reserve(settings)
        cluster = private_cluster(settings, tell=tell)
        supervisor = Supervisor(settings, cluster)
        try:
            access = _open(settings, cluster)
            if exercise:
                _load_exercise(settings, access)
            supervisor.start(access)
            _greet(settings, access)
            supervisor.watch()
        except Stopped:
            return 0
        finally:
            _ignore_signals()
            supervisor.stop()
            if cluster is not None:
                cluster.leave()
            reserved.close()
    return 0


@contextmanager
def _stoppable() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise Stopped

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """A second Ctrl-C must not interrupt what the first one began."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _reserve(settings: Settings) -> socket.socket:
    """Hold the port for our workers, or say that another program has it."""
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            return _hold_port(settings)
        except OSError as error:
            if time.monotonic() > deadline:
                raise CannotServe(
                    f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}): stop the other program, or "
                    "choose another port with --port or MAILLAGE_PORT."
                ) from None
            time.sleep(0.2)


def _hold_port(settings: Settings) -> socket.socket:
    """Sockets that share a port do not notice each other, so one that does not share asks first.

    The one that is kept refuses reuse where it can: so the next server's question finds it even
    while no worker listens yet.
    """
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((settings.host, settings.port))
        probe.listen(1)
    try:
        return listen_on(settings, reuse=False)
    except OSError:
        return listen_on(settings)


def _open(settings: Settings, cluster: Cluster | None) -> Access:
    if cluster is None:
        access = given_access(settings)
        check_given(access)
    else:
        cluster.enter()
        access = cluster.access()
    migrate(access.owner_url, access.app_password)
    check_login(access)
    return access


def _environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment that another process reads them from."""
    values = {f"MAILLAGE_{item.name.upper()}": getattr(settings, item.name) for item in fields(Settings)}
    return {**os.environ, **{name: str(value) for name, value in values.items() if value is not None}}


def _published(access: Access) -> list[str]:
    with connect_owner(access.owner_url) as connection:
        rows = connection.execute("SELECT layer_id FROM system.revision ORDER BY layer_id").fetchall()
    return [str(row[0]) for row in rows]


def _load_exercise(settings: Settings, access: Access) -> None:
    """Load the exercise into a new installation, once: a person who clears it does not get it back.

    The note in the home tells a load that was interrupted (go on) from none (ask the database).
    """
    note = settings.home / "exercise.json"
    state = json.loads(note.read_text())["state"] if note.exists() else None
    if state == "loaded" or (state is None and _published(access)):
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    note.write_text('{"state": "loading"}\n')
    tell("Loading the exercise")
    command = [sys.executable, "-m", "geoserver_app", "exercise", "load"]
    loader = subprocess.Popen(
        command,
        env=_environment(settings),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - this process has no threads
    )
    try:
        code = loader.wait()
    except Stopped:
        loader.terminate()
        loader.wait()
        raise
    if code == 0:
        note.write_text('{"state": "loaded"}\n')
    else:
        tell("The exercise could not be loaded; the server starts without it and the next start tries again.")


class Supervisor:
    """Starts the workers, replaces those that die, and restarts the private cluster should it be killed."""

    def __init__(self, settings: Settings, cluster: Cluster | None) -> None:
        self.settings = settings
        self.cluster = cluster
        self.slots = [Slot() for _ in range(max(1, settings.workers))]

    def start(self, access: Access) -> None:
        """Start every worker and wait until all take requests."""
        self._use(access)
        pipes = {self._spawn(slot): slot for slot in self.slots}
        deadline = time.monotonic() + START_SECONDS
        try:
            while pipes:
                ready, _, _ = select.select(list(pipes), [], [], max(0.0, deadline - time.monotonic()))
                if not ready or not all(os.read(pipe, 1) for pipe in ready):
                    raise CannotServe(
                        "The server did not start; the reason is above, or with MAILLAGE_LOG_LEVEL=debug."
                    )
                for pipe in ready:
                    os.close(pipe)
                    del pipes[pipe]
        finally:
            for pipe in pipes:
                os.close(pipe)

    def _use(self, access: Access) -> bool:
        """Take the address workers log in at; whether it is another than before."""
        before, self.settings = self.settings, replace(self.settings, app_database_url=access.app_url)
        return before.app_database_url != access.app_url

    def _environment(self) -> dict[str, str]:
        """A worker is told its own, weaker login only."""
        values = _environment(self.settings)
        values.pop("MAILLAGE_DATABASE_URL", None)
        return values

    def _spawn(self, slot: Slot) -> int:
        """Start a worker; the reading end of the pipe that it writes to once it takes requests."""
        reader, writer = os.pipe()
        try:
            slot.process = subprocess.Popen(
                [sys.executable, "-m", "geoserver_app.worker", str(os.getpid()), str(writer)],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                pass_fds=[writer],
                start_new_session=True,
            )
        finally:
            os.close(writer)
        slot.started = time.monotonic()
        return reader

    def watch(self) -> None:
        """Keep everything running. Ends by an exception only."""
        while True:
            self._keep_database()
            for slot in self.slots:
                self._keep(slot)
            time.sleep(0.25)

    def _keep(self, slot: Slot) -> None:
        now = time.monotonic()
        if slot.process is not None and slot.process.poll() is not None:
            tell(f"Worker {slot.process.pid} ended with {slot.process.returncode}; starting another")
            slot.deaths = slot.deaths + 1 if now - slot.started < QUICK_DEATH_SECONDS else 0
            slot.not_before = now + min(PAUSE_MAX_SECONDS, 2**slot.deaths - 1)
            slot.process = None
        if slot.process is None and now >= slot.not_before:
            os.close(self._spawn(slot))

    def _keep_database(self) -> None:
        if self.cluster is None:
            return
        try:
            if self.cluster.ensure():
                tell("PostgreSQL had ended; it is running again")
                if self._use(self.cluster.access()):
                    self.stop()  # they know the old address; the loop starts new ones
        except ClusterError as error:
            tell(f"{error} Trying again.")
            time.sleep(5)

    def stop(self) -> None:
        """Let every worker end its answers, within a deadline."""
        running = [slot.process for slot in self.slots if slot.process is not None and slot.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS + 3
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for slot in self.slots:
            slot.process = None


def _local(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - not bound here
    return f"http://{host}:{settings.port}"


def _answers(url: str) -> bool:
    request = urllib.request.Request(url, headers={"Accept": "*/*"})  # noqa: S310 - our own address
    with suppress(urllib.error.URLError, TimeoutError, OSError), urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


def _greet(settings: Settings, access: Access) -> None:
    """Say where everything is; only what answers is named."""
    local, public = _local(settings), settings.public_url or _local(settings)
    published = _published(access)
    lines = [f"Maillage is ready: {public}"]
    for name, path in ADDRESSES:
        if "{layer}" in path and not published:
            continue
        found = path.format(layer="flood_hazard" if "flood_hazard" in published else next(iter(published), ""))
        query = f"?SERVICE={CAPABILITIES[path]}&REQUEST=GetCapabilities" if path in CAPABILITIES else ""
        if _answers(local + found + query):
            lines.append(f"  {name + ':':<26} {public}{found}")
    if not has_keys(access.owner_url):  # made when it can be shown, so that a kill before this loses nothing
        key = create_key(access.owner_url, "administrator", label="first start")
        lines.append(f"  Administrator's key, shown this once: {key}")
    lines.append("Ctrl-C stops it.")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
