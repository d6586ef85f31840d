"""The documents of the OGC API: landing page, conformance, OpenAPI, collections and their schemas."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from geoserver_app.core.access import Principal
from geoserver_app.core.layer import Layer
from geoserver_app.core.publication import Published
from geoserver_app.ogc import documents, schemas
from geoserver_app.ogc.conformance import DECLARED
from geoserver_app.ogc.links import JSON, alternates, link
from geoserver_app.ogc.offered import API_FORMATS, PAGE_FORMATS, SCHEMA_FORMATS
from geoserver_app.ogc.openapi import openapi
from geoserver_app.ogc.params import check_names
from geoserver_app.ogc.revised import tag_of
from geoserver_app.web.deps import Caller, Server
from geoserver_app.web.respond import base_url, cache_headers, json, language, negotiate, not_modified, unchanged

router = APIRouter(prefix="/ogc", include_in_schema=False)

Describe = Callable[[Layer, str, str], dict[str, Any]]


def answer(
    request: Request,
    caller: Principal,
    found: Iterable[Published],
    offered: dict[str, str],
    make: Callable[[str], Any],
) -> Response:
    """A document of the API: parameters checked, format chosen, 304 where nothing changed.

    ``make`` gets the chosen format's name and returns what it shows.
    """
    check_names(request)
    name = negotiate(request, offered)
    layers = tuple(found)
    tag = tag_of(request, layers, caller, name)
    headers = {
        **cache_headers([p.layer for p in layers], caller),
        "ETag": tag,
        "Content-Language": language(request),
    }
    if not_modified(request, tag):
        return unchanged(tag, headers)
    return json(make(name), media_type=offered[name], headers=headers)


def own_links(request: Request, offered: dict[str, str], current: str, path: str) -> list[dict[str, Any]]:
    return alternates(f"{base_url(request)}{path}", request.query_params.multi_items(), offered, current)


@router.get("")
@router.get("/")
async def landing(request: Request, server: Server, caller: Caller) -> Response:
    """Where everything else is found."""

    def make(name: str) -> Any:
        links = own_links(request, PAGE_FORMATS, name, "/ogc")
        return documents.landing(base_url(request), links, language(request))

    return answer(request, caller, (), PAGE_FORMATS, make)


@router.get("/conformance")
async def conformance(request: Request, caller: Caller) -> Response:
    """The classes of the standards that hold here."""
    return answer(request, caller, (), PAGE_FORMATS, lambda name: {"conformsTo": list(DECLARED)})


@router.get("/api")
async def api(request: Request, server: Server, caller: Caller) -> Response:
    """The OpenAPI 3.0 definition."""
    found = await server.all_published(caller, request)
    return answer(
        request,
        caller,
        found,
        API_FORMATS,
        lambda name: openapi(base_url(request), found, server.settings, language(request)),
    )


@router.get("/collections")
async def collections(request: Request, server: Server, caller: Caller) -> Response:
    """Every layer this caller may see."""
    found = await server.all_published(caller, request)
    base, spoken = base_url(request), language(request)

    def make(name: str) -> Any:
        listed = [documents.collection(p, base, [_self(base, p)], spoken) for p in found]
        return {
            "links": own_links(request, PAGE_FORMATS, name, "/ogc/collections"),
            "crs": sorted({uri for one in listed for uri in one["crs"]}),
            "collections": listed,
        }

    return answer(request, caller, found, PAGE_FORMATS, make)


def _self(base: str, published: Published) -> dict[str, Any]:
    return link("self", f"{base}/ogc/collections/{published.id}", JSON)


@router.get("/collections/{collection_id}")
async def collection(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """One layer: extent, systems, and where its features, tiles, fields and style are."""
    published = await server.published(collection_id, caller, request)

    def make(name: str) -> Any:
        links = own_links(request, PAGE_FORMATS, name, f"/ogc/collections/{collection_id}")
        return documents.collection(published, base_url(request), links, language(request))

    return answer(request, caller, [published], PAGE_FORMATS, make)


async def _schema(
    describe: Describe, word: str, collection_id: str, request: Request, server: Server, caller: Caller
) -> Response:
    published = await server.published(collection_id, caller, request)
    href = f"{base_url(request)}/ogc/collections/{collection_id}/{word}"
    return answer(
        request,
        caller,
        [published],
        SCHEMA_FORMATS,
        lambda name: describe(published.layer, href, language(request)),
    )


@router.get("/collections/{collection_id}/queryables")
async def queryables(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """What a filter may name."""
    return await _schema(schemas.queryables, "queryables", collection_id, request, server, caller)


@router.get("/collections/{collection_id}/schema")
async def schema(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """What a feature holds."""
    return await _schema(schemas.schema, "schema", collection_id, request, server, caller)


@router.get("/collections/{collection_id}/sortables")
async def sortables(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """What `sortby` may name."""
    return await _schema(schemas.sortables, "sortables", collection_id, request, server, caller)
