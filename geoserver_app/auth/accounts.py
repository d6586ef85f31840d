"""API keys: made once, kept as digests, looked up on every request."""

import base64
import binascii
import hashlib
import re
import secrets
import time
from collections.abc import Mapping

from geoserver_app.core.access import ANONYMOUS, ROLES, Principal, principal
from geoserver_app.core.errors import BadParameter, Unauthorized
from geoserver_app.store.engine import Database
from geoserver_app.store.loading import Connection, Reference, compose, connect_owner

PREFIX = "maillage_"
KEEP_SECONDS = 5.0
"""How long a looked-up key is believed; a revoked key stops working after at most this."""
KEEP_MOST = 10_000

LOOK_UP = """
SELECT id, role, communes FROM system.api_key
WHERE digest = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""

INS = re.compile(r"[0-9]{5}")
"""A Belgian municipality's number."""
COMMUNES = """
SELECT table_name FROM system.revision r JOIN system.publication p ON p.id = publication_id
WHERE r.layer_id = 'communes' AND EXISTS (
    SELECT FROM information_schema.columns c
    WHERE c.table_schema = 'reference' AND c.table_name = p.table_name AND c.column_name = 'ins'
)
"""


def _digest(token: str) -> bytes:
    # The token holds 256 random bits, so a plain digest cannot be searched.
    return hashlib.sha256(token.encode()).digest()


def create_key(owner_url: str, role: str, communes: tuple[str, ...] = (), label: str = "") -> str:
    """Make a key, store its digest and return it: the only time it can be seen."""
    if role not in ROLES or role == "public":
        raise BadParameter(f"{role!r} is not a role; choose from {', '.join(ROLES[1:])}", locator="role")
    strange = [code for code in communes if not INS.fullmatch(code)]
    if strange:
        raise BadParameter(f"{strange[0]!r} is not an INS code: five digits, as 61031 for Huy", locator="commune")
    token = PREFIX + secrets.token_urlsafe(32)
    with connect_owner(owner_url) as connection:
        _check_communes(connection, communes)
        connection.execute(
            "INSERT INTO system.api_key (digest, role, communes, label) VALUES (%s, %s, %s, %s)",
            (_digest(token), role, list(communes), label),
        )
    return token


def _check_communes(connection: Connection, codes: tuple[str, ...]) -> None:
    """BadParameter for codes that the layer of communes, where it is published, does not hold."""
    row = connection.execute(COMMUNES).fetchone() if codes else None
    if row is None:
        return
    asked = compose("SELECT DISTINCT ins FROM {table} WHERE ins IS NOT NULL", table=Reference(str(row[0])))
    known = {str(code) for (code,) in connection.execute(asked)}
    unknown = sorted(set(codes) - known)
    if known and unknown:
        raise BadParameter(
            f"the layer 'communes' has no commune {', '.join(unknown)}; it has {_some(known)}", locator="commune"
        )


def _some(codes: set[str]) -> str:
    """The codes, or the first and their number where there are many."""
    first = ", ".join(sorted(codes)[:40])
    return first if len(codes) <= 40 else f"{first} and {len(codes) - 40} more"


def has_keys(owner_url: str) -> bool:
    with connect_owner(owner_url) as connection:
        return connection.execute("SELECT 1 FROM system.api_key LIMIT 1").fetchone() is not None


def read_token(headers: Mapping[str, str]) -> str | None:
    """The key of a request: a Bearer token, the password of Basic, or X-API-Key. None: anonymous.

    Raises Unauthorized for an Authorization header that is none of these (RFC 9110, 11.6.2).
    """
    if key := headers.get("x-api-key"):
        return key.strip()
    sent = headers.get("authorization")
    if not sent:
        return None
    scheme, _, rest = sent.strip().partition(" ")
    if scheme.lower() == "bearer" and rest.strip():
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            _, colon, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise Unauthorized("the Authorization header cannot be read") from None
        if colon and password:
            return password
    raise Unauthorized("send the key as Bearer token, as Basic password or as X-API-Key")


class Accounts:
    """Who a key belongs to, remembered for a few seconds."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._known: dict[bytes, tuple[float, Principal]] = {}

    async def caller(self, token: str | None) -> Principal:
        """The caller behind a key; Unauthorized for one that is unknown, expired or revoked."""
        if token is None:
            return ANONYMOUS
        digest = _digest(token)
        found = self._known.get(digest)
        if found and found[0] > time.monotonic():
            return found[1]
        async with self.database.read() as reader:
            row = await reader.row(LOOK_UP, digest)
        if row is None:
            self._known.pop(digest, None)
            raise Unauthorized("this key is not known, or no longer valid")
        who = principal(row["role"], frozenset(row["communes"]), row["id"])
        if len(self._known) >= KEEP_MOST:
            self._known.clear()
        self._known[digest] = (time.monotonic() + KEEP_SECONDS, who)
        return who
