"""The ways into the database, and the generated passwords they need (``<home>/database.json``)."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from geoserver_app.settings import Settings
from geoserver_app.store.loading import driver_url
from geoserver_app.store.migrate import APP_ROLE
from geoserver_app.store.postgres import MIN_VERSION, ClusterError

PASSWORDS = "database.json"


@dataclass(frozen=True)
class Access:
    """The ways into a database, as ``postgresql://`` addresses that libpq and asyncpg read."""

    owner_url: str
    app_url: str
    app_password: str
    superuser_url: str | None = None


def read_passwords(home: Path) -> dict[str, str]:
    """The generated passwords of a home's database roles, by role; empty before the first start."""
    try:
        found: dict[str, str] = json.loads((home / PASSWORDS).read_text())
    except FileNotFoundError:
        return {}
    return found


def write_private(path: Path, content: object, *, mode: int = 0o600) -> None:
    """Replace a file in one step, so a reader or a kill never sees half of it."""
    text = content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def given_access(settings: Settings) -> Access:
    """The addresses of the database that MAILLAGE_DATABASE_URL names.

    Without MAILLAGE_APP_DATABASE_URL the server logs in as `maillage_app`, with a password made
    here once and kept in ``database.json``; `migrate` gives it to the role.
    """
    assert settings.database_url is not None  # noqa: S101 - the caller asked
    owner = driver_url(settings.database_url)
    if settings.app_database_url is not None:
        app = driver_url(settings.app_database_url)
        return Access(owner, app, urlsplit(app).password or "")
    settings.home.mkdir(parents=True, exist_ok=True)
    keys = read_passwords(settings.home)
    if APP_ROLE not in keys:
        keys[APP_ROLE] = secrets.token_urlsafe(24)
        write_private(settings.home / PASSWORDS, keys)
    parts = urlsplit(owner)
    place = parts.netloc.rpartition("@")[2]
    app = urlunsplit(parts._replace(netloc=f"{APP_ROLE}:{keys[APP_ROLE]}@{place}"))
    return Access(owner, app, keys[APP_ROLE])


def check_given(access: Access) -> None:
    """Raise ClusterError where a database that was given cannot be reached or is too old."""
    try:
        with psycopg.connect(access.owner_url, connect_timeout=10) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.OperationalError as error:
        told = " ".join(str(error).split())
        raise ClusterError(f"The database that MAILLAGE_DATABASE_URL names cannot be reached: {told}") from None
    if version < MIN_VERSION:
        raise ClusterError(
            f"MAILLAGE_DATABASE_URL names a PostgreSQL {version}; Maillage needs {MIN_VERSION} or newer, with PostGIS."
        )


def check_login(access: Access) -> None:
    """Raise ClusterError where the server's own role cannot log in."""
    try:
        psycopg.connect(access.app_url, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        told = " ".join(str(error).split())
        raise ClusterError(
            f"The server's role {urlsplit(access.app_url).username} cannot log in ({told}): set "
            "MAILLAGE_APP_DATABASE_URL to its address with the right password."
        ) from None
