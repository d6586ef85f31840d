"""The private PostgreSQL cluster of a home: made on first use, running while a command needs it.

Every command holds a shared lock on ``cluster.users`` while it works; the last one to leave stops
the cluster. The kernel drops the lock of a killed process, so nothing needs cleaning up.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from geoserver_app.settings import Settings
from geoserver_app.store.addresses import PASSWORDS, Access, check_given, given_access, read_passwords, write_private
from geoserver_app.store.migrate import APP_ROLE, EXTENSIONS, close_to_everybody
from geoserver_app.store.postgres import (
    ClusterError,
    can_own,
    choose_installed,
    machine_memory,
    run_program,
    server_user,
    serves,
    size_for,
    working_in,
    write_settings,
)

OWNER_ROLE = "maillage_owner"
SUPERUSER = "postgres"
ROLES = (SUPERUSER, OWNER_ROLE, APP_ROLE)
DATABASE = "maillage"
OUTSIDE = Path("/var/lib/maillage")
"""Parent of data directories whose home the cluster's user cannot reach."""
SOCKET_PATH_MAX = 100
"""Bytes; the system's own limit is 107 and clients add a little."""
PORT = 5432
"""Only a part of the socket's name: nothing listens on it."""
START_SECONDS = 600
"""Recovery after a crash may replay gigabytes."""
START_ATTEMPTS = 20
LOG_BYTES_MAX = 10 << 20

Tell = Callable[[str], None]


def _silent(_sentence: str) -> None:
    return None


class Cluster:
    """The cluster of one home. ``durable=False`` trades crash safety for speed, for tests only."""

    def __init__(self, home: Path, *, connections: int = 100, durable: bool = True, tell: Tell = _silent) -> None:
        self.home = home.resolve()
        self.connections = connections
        self.durable = durable
        self.tell = tell
        self._users: int | None = None

    # -- where things are ------------------------------------------------------------------

    @property
    def folder(self) -> Path:
        """What belongs to PostgreSQL's user: ``data/``, ``socket/`` and the log."""
        recorded = self._record().get("folder")
        return self.home / recorded if recorded else self.home / "postgres"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    def _record(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.home / "cluster.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def _note(self, **facts: object) -> None:
        write_private(self.home / "cluster.json", self._record() | facts, mode=0o644)

    def _passwords(self) -> dict[str, str]:
        keys = read_passwords(self.home)
        if not keys.keys() >= set(ROLES):
            raise ClusterError(
                f"{self.home / PASSWORDS}, which holds the passwords of the data in {self.data}, is missing or "
                f"incomplete: put it back from a backup, or move {self.folder} away to begin anew."
            )
        return keys

    # -- use -------------------------------------------------------------------------------

    @contextmanager
    def used(self) -> Iterator[Access]:
        """Keep the cluster running for the length of a block."""
        self.enter()
        try:
            yield self.access()
        finally:
            self.leave()

    def enter(self) -> None:
        """Count this process among the users, making and starting the cluster where needed."""
        self._make_home()
        with _locked(self.home / "cluster.lock"):
            self._users = _open_lock(self.home / "cluster.users")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                self._start()
            except BaseException:
                self._stop_if_unused()
                raise

    def leave(self) -> None:
        """Stop the cluster if no other command is using it."""
        if self._users is not None:
            with _locked(self.home / "cluster.lock"):
                self._stop_if_unused()

    def _stop_if_unused(self) -> None:
        assert self._users is not None  # noqa: S101 - called between enter and leave only
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._stop()
        except BlockingIOError:
            pass
        finally:
            os.close(self._users)
            self._users = None

    def ensure(self) -> bool:
        """Start a postmaster that died while in use; true when it had to be started."""
        if self.postmaster() is not None:
            return False
        with _locked(self.home / "cluster.lock"):
            if self.postmaster() is not None:
                return False
            self._start()
            return True

    def access(self) -> Access:
        """The addresses of the running cluster, read from its own lock file."""
        if self.postmaster() is None:
            raise ClusterError(f"The private cluster in {self.data} is not running.")
        port, folder = self._lock_file()[3:5]
        keys = self._passwords()

        def url(role: str, database: str) -> str:
            host = f"?host={quote(folder, safe='/')}&port={port}" if folder else ""
            place = "" if folder else f"127.0.0.1:{port}"
            return f"postgresql://{role}:{keys[role]}@{place}/{database}{host}"

        return Access(url(OWNER_ROLE, DATABASE), url(APP_ROLE, DATABASE), keys[APP_ROLE], url(SUPERUSER, "postgres"))

    def postmaster(self) -> int | None:
        """The process id of the running server; None when it is not running."""
        lines = self._lock_file()
        try:
            pid = int(lines[0])
        except (ValueError, IndexError):
            return None
        return pid if serves(pid, self.data) else None

    def _lock_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    # -- making ----------------------------------------------------------------------------

    def _make_home(self) -> None:
        try:
            self.home.mkdir(mode=0o755, parents=True, exist_ok=True)
            os.close(_open_lock(self.home / "cluster.lock"))
        except PermissionError:
            raise ClusterError(
                f"{self.home} belongs to another user: run this as that user, or set MAILLAGE_HOME to one of yours."
            ) from None

    def _place(self) -> None:
        """Decide, once, where the data live: in the home, or outside where root's server cannot reach it."""
        if "folder" in self._record():
            return
        folder: Path = Path("postgres")
        user = server_user(self.home / folder / "data")
        if user is not None and not can_own(self.home / folder, user):
            folder = OUTSIDE / hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
            if not OUTSIDE.exists():
                OUTSIDE.mkdir(parents=True)
                OUTSIDE.chmod(0o755)  # ours, whatever the umask
            if not can_own(folder, user):
                raise ClusterError(
                    f"The user {user.pw_name}, who runs PostgreSQL for root, can reach neither {self.home} nor "
                    f"{OUTSIDE}: set MAILLAGE_HOME to a folder it can reach."
                )
            self.tell(f"PostgreSQL's user cannot reach {self.home}; the data go to {folder}")
        (self.home / folder).mkdir(mode=0o700, exist_ok=True)
        self._note(folder=str(folder))

    def _initialise(self) -> None:
        """Create the data directory beside its final name, so a kill leaves nothing half made."""
        installed = choose_installed()
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        keys = {role: secrets.token_urlsafe(24) for role in ROLES} | read_passwords(self.home)
        write_private(self.home / PASSWORDS, keys)
        user = server_user(self.data)
        password = self.folder / "password"
        write_private(password, keys[SUPERUSER])
        if user is not None:
            os.chown(password, user.pw_uid, user.pw_gid)
        self.tell(f"Making a PostgreSQL {installed.version} cluster in {self.data}")
        options = ["--data-checksums", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]
        options += [f"--username={SUPERUSER}", f"--pwfile={password}", *(() if self.durable else ("--no-sync",))]
        try:
            run_program(installed, user, "initdb", *options, "-D", str(fresh))
        finally:
            password.unlink()
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'maillage.conf'\n")
        fresh.rename(self.data)

    def _prepare(self) -> None:
        """Roles, the database and its extensions. Safe to repeat after a kill in the middle."""
        access = self.access()
        keys = self._passwords()
        assert access.superuser_url is not None  # noqa: S101 - a private cluster has one
        with psycopg.connect(access.superuser_url, autocommit=True) as connection:
            for role in (OWNER_ROLE, APP_ROLE):
                name = sql.Identifier(role)
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
                rights = sql.SQL("ALTER ROLE {} NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD {}")
                connection.execute(rights.format(name, sql.Literal(keys[role])))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                names = sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8'").format(*names))
        with psycopg.connect(_with_database(access.superuser_url, DATABASE), autocommit=True) as connection:
            for extension in EXTENSIONS:
                name = sql.Identifier(extension)
                connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(name))
            close_to_everybody(connection)
        self._note(prepared=EXTENSIONS)

    # -- starting and stopping ---------------------------------------------------------------

    def _start(self) -> None:
        self._place()
        if not self.data.exists():
            self._initialise()
        if not self._is_ready():
            self._clear_the_way()
            self._launch()
        if self._record().get("prepared") != list(EXTENSIONS):
            self._prepare()

    def _is_ready(self) -> bool:
        """Wait while a server is on its way up or down; true when it is up."""
        deadline = time.monotonic() + START_SECONDS
        while self.postmaster() is not None:
            lines = self._lock_file()
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return True
            if time.monotonic() > deadline:
                raise ClusterError(f"PostgreSQL is not ready; its log {self.log} ends: {self._log_end()}")
            time.sleep(0.1)
        return False

    def _clear_the_way(self) -> None:
        """Deal with what a killed server left: orphaned sessions, and a lock file naming a stranger."""
        for kind in (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
            for pid in working_in(self.data):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, kind)
            deadline = time.monotonic() + 5
            while working_in(self.data) and time.monotonic() < deadline:
                time.sleep(0.05)
        # PostgreSQL refuses to start while the process id in its lock file is alive, even when
        # the system has given that number to another program since. Its own check for sessions
        # that are still attached to the old shared memory stays in force.
        for left in (self.data / "postmaster.pid", *(self.folder / "socket").glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def _launch(self) -> None:
        installed = choose_installed(int((self.data / "PG_VERSION").read_text()))
        user = server_user(self.data)
        sockets = self.folder / "socket"
        sockets.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            os.chown(sockets, user.pw_uid, user.pw_gid)
        by_socket = len(os.fsencode(sockets / f".s.PGSQL.{PORT}")) < SOCKET_PATH_MAX
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.rename(self.log.with_suffix(".log.1"))
        for attempts_left in reversed(range(START_ATTEMPTS)):
            self._configure(sockets if by_socket else None)
            try:
                options = ("-D", str(self.data), "-l", str(self.log), "-w", "-t", str(START_SECONDS), "-s")
                run_program(installed, user, "pg_ctl", "start", *options)
                return
            except ClusterError as error:
                # A session of a killed server may take a moment to notice, and between choosing
                # a free port and listening on it another program may take it.
                if not attempts_left or (by_socket and "still in use" not in self._log_end()):
                    told = f"PostgreSQL does not start; its log {self.log} ends: {self._log_end()}"
                    raise ClusterError(told) from error
                time.sleep(1)

    def _configure(self, sockets: Path | None) -> None:
        disk = shutil.disk_usage(self.data).free
        settings = size_for(machine_memory(), os.cpu_count() or 1, disk, self.connections, durable=self.durable)
        if sockets is not None:
            place = {"listen_addresses": "", "unix_socket_directories": f'"{sockets}"', "port": str(PORT)}
        else:
            port = _free_port(self._record().get("port", 0))
            self._note(port=port)
            place = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(port)}
        conf = self.data / "maillage.conf"
        write_private(conf, write_settings(settings | place))
        os.chown(conf, self.data.stat().st_uid, self.data.stat().st_gid, follow_symlinks=False)

    def _stop(self) -> None:
        if self.postmaster() is None:
            return
        installed = choose_installed(int((self.data / "PG_VERSION").read_text()))
        for mode, seconds in (("fast", "60"), ("immediate", "20")):
            options = ("-D", str(self.data), "-m", mode, "-w", "-t", seconds, "-s")
            with suppress(ClusterError):
                run_program(installed, server_user(self.data), "pg_ctl", "stop", *options)
                return

    def _log_end(self) -> str:
        try:
            return " ".join(self.log.read_text(errors="replace").splitlines()[-3:])
        except OSError:
            return "(there is no log)"


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = _open_lock(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _free_port(wanted: int) -> int:
    """The port of last time where it is free, so that addresses survive a restart; else any free one."""
    for candidate in (wanted, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            port: int = probe.getsockname()[1]
            return port
    raise ClusterError("No loopback port is free for PostgreSQL.")


def _with_database(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def private_cluster(settings: Settings, *, durable: bool = True, tell: Tell = _silent) -> Cluster | None:
    """The cluster of ``settings.home``; None where MAILLAGE_DATABASE_URL names a database."""
    if settings.database_url is not None:
        return None
    # A worker has a pool and a listening connection; loaders and people with psql take the rest.
    connections = settings.workers * (settings.pool_size + 2) + 40
    return Cluster(settings.home, connections=connections, durable=durable, tell=tell)


@contextmanager
def running(settings: Settings, *, durable: bool = True, tell: Tell = _silent) -> Iterator[Access]:
    """The database of these settings for the length of a block, starting the private cluster where needed."""
    cluster = private_cluster(settings, durable=durable, tell=tell)
    if cluster is None:
        access = given_access(settings)
        check_given(access)
        yield access
        return
    with cluster.used() as access:
        yield access
