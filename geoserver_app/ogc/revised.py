"""Validators of the OGC API: what an answer depends on besides the request."""

from collections.abc import Iterable
from dataclasses import asdict
from functools import lru_cache
from hashlib import blake2b

import orjson
from starlette.requests import Request

from geoserver_app.core.access import Principal
from geoserver_app.core.publication import Published
from geoserver_app.web.respond import base_url, etag, language


@lru_cache(maxsize=4096)
def layer_digest(published: Published) -> str:
    """A digest of the description, the same in every process: titles and fields can change without a load."""
    document = orjson.dumps(asdict(published.layer), default=sorted, option=orjson.OPT_NON_STR_KEYS)
    return blake2b(document, digest_size=8).hexdigest()


def tag_of(request: Request, found: Iterable[Published], caller: Principal, name: str) -> str:
    """The ETag of an answer in format ``name`` made from these layers."""
    revisions = (f"{p.id}:{p.publication.id}:{p.revision}:{layer_digest(p)}" for p in found)
    return etag(
        base_url(request),
        request.url.path,
        request.url.query,
        name,
        language(request),
        sorted(caller.roles),
        *revisions,
    )
