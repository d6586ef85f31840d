"""Answers: negotiation, validators, problem documents, headers that depend on the caller."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from geoserver_app.core.access import Principal
from geoserver_app.core.errors import GeoError, NotAllowed, Overloaded, Unauthorized, UnknownFormat
from geoserver_app.core.layer import Layer
from geoserver_app.core.publication import Published

PROBLEM = "application/problem+json"
REALM = 'Basic realm="Maillage", charset="UTF-8"'


def base_url(request: Request) -> str:
    """The server's address as clients see it, without trailing slash."""
    configured: str | None = request.app.state.settings.public_url
    return configured or str(request.base_url).rstrip("/")


def problem(error: GeoError, *, instance: str | None = None) -> Response:
    """RFC 9457 problem details for an error a client may be told about."""
    body: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status, "detail": error.detail}
    if error.locator:
        body["parameter"] = error.locator
    if instance:
        body["instance"] = instance
    headers: dict[str, str] = {"Cache-Control": "no-store"}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = REALM
    if isinstance(error, Overloaded):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, NotAllowed):
        headers["Allow"] = ", ".join(error.allow)
    return Response(orjson.dumps(body), status_code=error.status, media_type=PROBLEM, headers=headers)


def json(
    content: object,
    *,
    media_type: str = "application/json",
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)
    return Response(body, status_code=status, media_type=media_type, headers=dict(headers or {}))


def etag(*parts: object) -> str:
    """A weak validator made of everything an answer depends on (RFC 9110, 8.8.3)."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=12).hexdigest()
    return f'W/"{digest}"'


@lru_cache(maxsize=4096)
def layer_digest(published: Published) -> str:
    """A digest of the description, the same in every process: titles and fields can change without a load."""
    document = orjson.dumps(asdict(published.layer), default=sorted, option=orjson.OPT_NON_STR_KEYS)
    return hashlib.blake2b(document, digest_size=8).hexdigest()


def not_modified(request: Request, tag: str) -> bool:
    """Whether If-None-Match names this validator (weak comparison)."""
    sent = request.headers.get("if-none-match")
    if sent is None:
        return False
    wanted = tag.removeprefix("W/")
    return any(part.strip() == "*" or part.strip().removeprefix("W/") == wanted for part in sent.split(","))


def unchanged(tag: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status_code=304, headers={**(headers or {}), "ETag": tag})


def cache_headers(layers: Sequence[Layer], caller: Principal) -> dict[str, str]:
    """Cache headers of an answer made from these layers for this caller."""
    public = caller.anonymous or all(
        "public" in layer.read and not any(f.read for f in layer.fields) for layer in layers
    )
    if public:
        return {
            "Cache-Control": "no-cache",
            "Vary": "Accept, Accept-Encoding, Accept-Language, Authorization, X-API-Key",
        }
    return {
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Accept-Encoding, Accept-Language, Authorization, X-API-Key",
    }


def accepted(header: str) -> list[tuple[str, float]]:
    """Media ranges of an Accept header with their weights, best first (RFC 9110, 12.5.1)."""
    return sorted((item for item in _weighed(header) if item[1] > 0), key=lambda item: -item[1])


def _weighed(header: str) -> list[tuple[str, float]]:
    ranges: list[tuple[str, float]] = []
    for part in header.split(","):
        media, *options = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for option in options:
            if option.lower().startswith("q="):
                try:
                    weight = float(option[2:])
                except ValueError:
                    weight = 0.0
        if media:
            ranges.append((media.lower(), weight))
    return ranges


def negotiate(request: Request, offered: Mapping[str, str]) -> str:
    """The name of the format to answer in: `f=` first, then Accept, then the first offered.

    ``offered`` maps short names (json, html …) to media types. Raises UnknownFormat.
    """
    asked = request.query_params.get("f")
    if asked is not None:
        for name, media in offered.items():
            if asked in (name, media):
                return name
        error = UnknownFormat(f"{asked!r} is not offered here; choose from {', '.join(offered)}", locator="f")
        error.status = 400
        raise error
    first = next(iter(offered))
    header = request.headers.get("accept", "")
    if not header:
        return first
    refused = {media for media, weight in _weighed(header) if weight <= 0}
    offered = {name: media for name, media in offered.items() if media.split(";")[0] not in refused}
    for media, _ in accepted(header):
        for name, offer in offered.items():
            bare = offer.split(";")[0]
            if media in (bare, "*/*") or (media.endswith("/*") and bare.startswith(media[:-1])):
                return name
        if media == "application/json" and first in offered and offered[first].split(";")[0].endswith("json"):
            return first
    raise UnknownFormat(f"none of {header!r} is offered here; choose from {', '.join(offered.values())}")


def language(request: Request) -> str:
    """fr or en: `lang=` first, then Accept-Language, then French."""
    asked = request.query_params.get("lang", "")
    if asked in {"fr", "en"}:
        return asked
    for tag, _ in accepted(request.headers.get("accept-language", "")):
        if tag[:2] in {"fr", "en"}:
            return tag[:2]
    return "fr"
