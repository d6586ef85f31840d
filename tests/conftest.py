"""Real parts for every test: PostGIS databases made from a template, and a running server."""

import contextlib
import dataclasses
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg
import pytest

from geoserver_app.settings import Settings, read_settings
from geoserver_app.store.cluster import Cluster
from geoserver_app.store.engine import Database
from geoserver_app.store.migrate import EXTENSIONS, migrate

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
EXERCISE_SCALE = "0.15"


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs under test even where this run is a background job, which ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class TestDatabase:
    """One database of a test: the owner's way in, the server's, and settings that use both."""

    __test__ = False

    owner_url: str
    app_url: str
    settings: Settings


@dataclass(frozen=True)
class Server:
    """Where test databases are made."""

    superuser_url: str
    owner: str | None
    passwords: dict[str, str]

    def url(self, database: str, role: str | None = None) -> str:
        parts = urlsplit(self.superuser_url)
        place = parts.netloc.rpartition("@")[2]
        user = parts.netloc if role is None else f"{role}:{self.passwords[role]}@{place}"
        return urlunsplit(parts._replace(netloc=user, path=f"/{database}"))

    def create(self, name: str, template: str | None = None) -> None:
        owner = f' OWNER "{self.owner}"' if self.owner else ""
        wanted = f' TEMPLATE "{template}"' if template else ""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"{owner}{wanted}')

    def drop(self, name: str) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def described(self, name: str, home: Path) -> TestDatabase:
        owner_url, app_url = self.url(name, self.owner), self.url(name, "maillage_app")
        settings = read_settings({}, home=home, database_url=owner_url, app_database_url=app_url)
        return TestDatabase(owner_url, app_url, settings)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """MAILLAGE_TEST_DATABASE_URL (a superuser), or a private cluster under .maillage-test."""
    given = os.environ.get("MAILLAGE_TEST_DATABASE_URL")
    if given:
        yield Server(given, None, {"maillage_app": "maillage"})
        return
    cluster = Cluster(REPOSITORY / ".maillage-test", connections=200, durable=False)
    with cluster.used() as access:
        assert access.superuser_url
        owner = urlsplit(access.owner_url)
        passwords = {"maillage_app": access.app_password, str(owner.username): str(owner.password)}
        yield Server(access.superuser_url, owner.username, passwords)


@pytest.fixture(scope="session")
def template(postgres: Server) -> Iterator[str]:
    """A migrated, empty database that tests copy."""
    name = f"template_{secrets.token_hex(4)}"
    postgres.create(name)
    with psycopg.connect(postgres.url(name), autocommit=True) as connection:
        for extension in EXTENSIONS:
            connection.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    migrate(postgres.url(name, postgres.owner), postgres.passwords["maillage_app"])
    yield name
    postgres.drop(name)


@pytest.fixture
def database(postgres: Server, template: str, tmp_path: Path) -> Iterator[TestDatabase]:
    """A database of this test's own, empty but for the schema."""
    name = f"test_{secrets.token_hex(4)}"
    postgres.create(name, template)
    yield postgres.described(name, tmp_path / "home")
    postgres.drop(name)


@pytest.fixture(scope="module")
def shared_database(
    postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestDatabase]:
    """A database that the tests of one module share."""
    name = f"test_{secrets.token_hex(4)}"
    postgres.create(name, template)
    yield postgres.described(name, tmp_path_factory.mktemp("home"))
    postgres.drop(name)


@pytest.fixture
async def pool(database: TestDatabase) -> AsyncIterator[Database]:
    """The server's pool on the test's own database."""
    opened = Database.open(database.app_url, database.settings)
    yield opened
    await opened.close()


@contextlib.asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The application in this process, its parts opened, behind an HTTP client."""
    from geoserver_app.app import create_app

    app = create_app(settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        client.app = app  # type: ignore[attr-defined]
        yield client


@pytest.fixture
async def client(database: TestDatabase) -> AsyncIterator[httpx.AsyncClient]:
    async with application(database.settings) as found:
        yield found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """An environment in which the command line uses these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAILLAGE_")}
    told = {
        f"MAILLAGE_{f.name.upper()}": str(getattr(settings, f.name))
        for f in dataclasses.fields(settings)
        if getattr(settings, f.name) not in (None, f.default)
    }
    return kept | told | {"PYTHONPATH": str(REPOSITORY)} | more


def maillage(settings: Settings, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "geoserver_app", *arguments]
    return subprocess.run(
        command, env=environment(settings, **more), capture_output=True, text=True, timeout=600, check=False
    )


@contextlib.contextmanager
def serving(settings: Settings, *, workers: int = 1) -> Iterator[str]:
    """A server process on a free port; yields its address."""
    port = free_port()
    told = dataclasses.replace(settings, port=port, workers=workers)
    log = settings.home / "serve.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "geoserver_app", "serve"],
            env=environment(told),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}:\n{log.read_text()}")
        if _is_ready(url):
            return
        time.sleep(0.1)
    raise RuntimeError(f"the server is not ready after a minute:\n{log.read_text()}")


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(scope="session")
def exercise(postgres: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDatabase]:
    """A database that holds the (small) exercise; tests only read it."""
    name = f"exercise_{secrets.token_hex(4)}"
    postgres.create(name, template)
    described = postgres.described(name, tmp_path_factory.mktemp("exercise"))
    done = maillage(described.settings, "exercise", "load", "--scale", EXERCISE_SCALE)
    assert done.returncode == 0, done.stdout + done.stderr
    yield described
    postgres.drop(name)


@pytest.fixture(scope="session")
def served_url(exercise: TestDatabase) -> Iterator[str]:
    """A running server that shows the exercise."""
    with serving(exercise.settings, workers=2) as url:
        yield url


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real files; the test is skipped where they are not at hand."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real data files are not at {SHARED_DATA}")
    return SHARED_DATA
