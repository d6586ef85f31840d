"""Validators of the OGC API: what an answer depends on besides the request."""

from collections.abc import Iterable

from starlette.requests import Request

from geoserver_app.core.access import Principal
from geoserver_app.core.publication import Published
from geoserver_app.web.respond import base_url, etag, language, layer_digest


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
