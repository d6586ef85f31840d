"""Bring a database's schema to this version."""

from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from geoserver_app.store.loading import driver_url

APP_ROLE = "maillage_app"
EXTENSIONS = ("postgis", "unaccent", "pg_trgm")
LARGE_OBJECTS = ("lo_creat(int)", "lo_create(oid)", "lo_from_bytea(oid, bytea)", "lo_import(text)",
                 "lo_import(text, oid)", "lo_put(oid, bigint, bytea)", "lowrite(int, bytea)")  # fmt: skip
LOCK = 0x6D61696C
"""Advisory lock: one migration at a time."""


class CannotMigrate(RuntimeError):
    """The database refuses what the schema needs; the text says what to do."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _prepare(connection: psycopg.Connection[object], app_password: str | None) -> None:
    """Extensions, schema and the server's role: what a migration cannot create for itself."""
    for extension in EXTENSIONS:
        known = connection.execute("SELECT 1 FROM pg_extension WHERE extname = %s", (extension,)).fetchone()
        if known:
            continue
        try:
            connection.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
        except psycopg.Error as error:
            raise CannotMigrate(
                f"The database lacks the extension {extension} and refuses to create it "
                f"({error.diag.message_primary}); as its superuser run: CREATE EXTENSION {extension};"
            ) from None
    role = connection.execute(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", (APP_ROLE,)
    ).fetchone()
    name = sql.Identifier(APP_ROLE)
    if role is None:
        try:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB").format(name))
            if app_password:
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(app_password)))
        except psycopg.Error as error:
            raise CannotMigrate(
                f"The role {APP_ROLE} is missing and cannot be created ({error.diag.message_primary}); "
                f"as superuser run: CREATE ROLE {APP_ROLE} LOGIN PASSWORD '…'; then set MAILLAGE_APP_DATABASE_URL."
            ) from None
    elif role == (True,):
        raise CannotMigrate(
            f"The role {APP_ROLE} may bypass row-level security; it must not: "
            f"ALTER ROLE {APP_ROLE} NOSUPERUSER NOBYPASSRLS;"
        )
    connection.execute("CREATE SCHEMA IF NOT EXISTS system")
    close_to_everybody(connection)


def close_to_everybody(connection: psycopg.Connection[Any]) -> None:
    """Take from PUBLIC what lets a reading role fill the disk, as far as this role may: safe to repeat.

    Temporary tables are the database owner's to refuse, large objects a superuser's.
    """
    row = connection.execute(
        "SELECT current_database(), pg_has_role(datdba, 'USAGE'), rolsuper FROM pg_database, pg_roles"
        " WHERE datname = current_database() AND rolname = current_user"
    ).fetchone()
    assert row is not None  # noqa: S101 - the session's own database and role
    name, owned, superuser = row
    if owned:
        connection.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    if superuser:
        connection.execute(f"REVOKE EXECUTE ON FUNCTION {', '.join(LARGE_OBJECTS)} FROM PUBLIC")


def migrate(owner_url: str, app_password: str | None = None) -> str:
    """Upgrade the database behind ``owner_url`` to the newest schema and return its version.

    Safe to call at every start, from several processes at once. Raises CannotMigrate.
    """
    with psycopg.connect(driver_url(owner_url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        _prepare(connection, app_password)
        engine = create_engine(
            "postgresql+psycopg://", creator=lambda: psycopg.connect(driver_url(owner_url)), poolclass=NullPool
        )
        config = _config()
        with engine.begin() as sqlalchemy_connection:
            config.attributes["connection"] = sqlalchemy_connection
            command.upgrade(config, "head")
        engine.dispose()
    return ScriptDirectory.from_config(config).get_current_head() or ""
