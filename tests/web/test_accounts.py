"""API keys: who a request comes from."""

import base64

import psycopg
import pytest

from geoserver_app.auth.accounts import Accounts, create_key, has_keys, read_token
from geoserver_app.core.access import ANONYMOUS
from geoserver_app.core.errors import BadParameter, Unauthorized
from geoserver_app.store.engine import Database
from tests.conftest import TestDatabase, maillage
from tests.ingest.support import SQUARE, a_field, a_layer, load


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_a_key_travels_as_bearer_token_basic_password_or_header() -> None:
    assert read_token({"authorization": "Bearer abc"}) == "abc"
    assert read_token(basic("anyone:abc")) == "abc"
    assert read_token({"x-api-key": "abc"}) == "abc"
    assert read_token({}) is None


@pytest.mark.parametrize(
    "headers",
    [{"authorization": "Basic !!!"}, {"authorization": "Digest a=b"}, {"authorization": "Bearer "}, basic("x")],
)
def test_an_authorization_header_that_holds_no_key_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        read_token(headers)


async def test_a_key_gives_its_role_and_communes(database: TestDatabase, pool: Database) -> None:
    token = create_key(database.owner_url, "municipality", ("61031",), "Huy")
    caller = await Accounts(pool).caller(token)
    assert caller.may_act_as("municipality") and caller.may_act_as("citizen")
    assert not caller.may_act_as("coordinator")
    assert caller.communes == {"61031"}
    assert await Accounts(pool).caller(None) is ANONYMOUS


async def test_only_a_digest_of_the_key_is_kept(database: TestDatabase) -> None:
    token = create_key(database.owner_url, "administrator")
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute("SELECT api_key::text, digest FROM system.api_key").fetchone()
    assert row is not None
    assert token not in row[0] and token.encode() not in row[1]
    assert has_keys(database.owner_url)


@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now() - interval '1 second'"])
async def test_a_revoked_or_expired_key_is_refused(database: TestDatabase, pool: Database, end: str) -> None:
    token = create_key(database.owner_url, "field")
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(f"UPDATE system.api_key SET {end}")
    with pytest.raises(Unauthorized):
        await Accounts(pool).caller(token)


def test_a_role_that_does_not_exist_makes_no_key(database: TestDatabase) -> None:
    with pytest.raises(BadParameter, match="mayor"):
        create_key(database.owner_url, "mayor")
    assert not has_keys(database.owner_url)


def test_the_command_prints_the_key_and_nothing_else(database: TestDatabase) -> None:
    done = maillage(database.settings, "key", "create", "--role", "coordinator", "--commune", "61031")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1 and lines[0].startswith("maillage_")


def test_the_servers_role_owns_nothing_and_cannot_bypass_row_security(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url) as connection:
        flags = connection.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'maillage_app'"
        ).fetchone()
        owned = connection.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'maillage_app'"
        ).fetchone()
    assert flags == (False, False, False, False)
    assert owned == (0,)


def test_the_servers_role_cannot_write_what_it_reads(database: TestDatabase) -> None:
    with psycopg.connect(database.app_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM system.revision")


@pytest.mark.parametrize("code", ["Huy", "6103", "610311", "6103１", ""])
def test_a_commune_is_named_by_the_five_digits_of_its_number(database: TestDatabase, code: str) -> None:
    with pytest.raises(BadParameter, match="is not an INS code: five digits"):
        create_key(database.owner_url, "municipality", ("61031", code))
    assert not has_keys(database.owner_url)


def test_a_commune_that_the_published_layer_lacks_is_refused(database: TestDatabase) -> None:
    create_key(database.owner_url, "municipality", ("99999",))  # nothing is published that would know
    fields = (a_field("ins"),)
    load(database, a_layer("communes", fields=fields), [("a", SQUARE, {"ins": "61031"})], types={"ins": "string"})
    with pytest.raises(BadParameter, match="'communes' has no commune 99999; it has 61031"):
        create_key(database.owner_url, "municipality", ("61031", "99999"))
    assert create_key(database.owner_url, "municipality", ("61031",))
