"""The documents of the OGC API: landing page, conformance, OpenAPI, collections and their schemas."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from geoserver_app.core.access import Principal
from geoserver_app.core.errors import NotFound
from geoserver_app.core.layer import Layer, Text
from geoserver_app.core.publication import Published
from geoserver_app.ogc import documents, pages, schemas
from geoserver_app.ogc.conformance import DECLARED
from geoserver_app.ogc.links import HTML, JSON, TITLES, Link, alternates, link
from geoserver_app.ogc.offered import API_FORMATS, ITEMS_FORMATS, PAGE_FORMATS, SCHEMA_FORMATS
from geoserver_app.ogc.openapi import openapi
from geoserver_app.ogc.params import check_names
from geoserver_app.ogc.revised import tag_of
from geoserver_app.ogc.sending import whole
from geoserver_app.web.deps import Caller, Parts, Server
from geoserver_app.web.respond import base_url, cache_headers, language, negotiate, not_modified, unchanged

router = APIRouter(prefix="/ogc", include_in_schema=False)

Describe = Callable[[Layer, str, str], dict[str, Any]]


@dataclass(frozen=True)
class Page:
    """How a document is shown to people."""

    template: str
    title: Text
    crumbs: tuple[tuple[str, str], ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)


async def answer(
    request: Request,
    caller: Principal,
    found: Sequence[Published],
    offered: Mapping[str, str],
    make: Callable[[list[Link]], dict[str, Any]],
    page: Page,
) -> Response:
    """A document of the API: parameters checked, format chosen, 304 where nothing changed.

    ``make`` gets the links to the document itself and its other formats.
    """
    check_names(request)
    name = negotiate(request, offered)
    tag = tag_of(request, found, caller, name)
    headers = {
        **cache_headers([p.layer for p in found], caller),
        "ETag": tag,
        "Content-Language": language(request),
    }
    if not_modified(request, tag):
        return unchanged(tag, headers)
    path = request.url.path.rstrip("/") or "/ogc"
    links = alternates(f"{base_url(request)}{path}", request.query_params.multi_items(), offered, name)
    document = make(links)
    if name != "html":
        return await whole(request, orjson.dumps(document), offered[name], headers)
    exercise = any(p.publication.exercise_count for p in found)
    shown = {"links": links, "crumbs": page.crumbs, "document": document, "exercise": exercise, **page.more}
    return await pages.page(request, page.template, page.title.to(language(request)), headers, **shown)


@router.get("")
@router.get("/")
async def landing(request: Request, server: Server, caller: Caller) -> Response:
    """Where everything else is found."""
    page = Page("landing.html", Text("Données et services", "Data and services"))
    return await answer(
        request,
        caller,
        (),
        PAGE_FORMATS,
        lambda links: documents.landing(base_url(request), links, language(request)),
        page,
    )


@router.get("/conformance")
async def conformance(request: Request, caller: Caller) -> Response:
    """The classes of the standards that hold here."""
    page = Page("conformance.html", Text("Conformité", "Conformance"))
    return await answer(
        request, caller, (), PAGE_FORMATS, lambda links: {"links": links, "conformsTo": list(DECLARED)}, page
    )


@router.get("/api")
async def api(request: Request, server: Server, caller: Caller) -> Response:
    """The OpenAPI 3.0 definition."""
    return await _api(request, server, caller, API_FORMATS)


@router.get("/api.html")
async def api_page(request: Request, server: Server, caller: Caller) -> Response:
    """The same for people."""
    return await _api(request, server, caller, {"html": HTML})


async def _api(request: Request, server: Parts, caller: Principal, offered: Mapping[str, str]) -> Response:
    found = await server.all_published(caller, request)
    page = Page("api.html", Text("Définition de l'API", "Definition of the API"))
    base, settings = base_url(request), server.settings
    return await answer(
        request, caller, found, offered, lambda links: openapi(base, found, settings, language(request)), page
    )


@router.get("/collections")
async def collections(request: Request, server: Server, caller: Caller) -> Response:
    """Every layer this caller may see."""
    found = await server.all_published(caller, request)
    base, spoken = base_url(request), language(request)

    def make(links: list[Link]) -> dict[str, Any]:
        listed = [documents.collection(p, base, [_self(base, p)], spoken) for p in found]
        offered = sorted({uri for one in listed for uri in one["crs"]})
        return {"links": links, "crs": offered, "collections": listed}

    page = Page("collections.html", Text("Couches", "Layers"), more={"found": found})
    return await answer(request, caller, found, PAGE_FORMATS, make, page)


def _self(base: str, published: Published) -> Link:
    return link("self", f"{base}/ogc/collections/{published.id}", JSON)


@router.get("/collections/{collection_id}")
async def collection(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """One layer: extent, systems, and where its features, tiles, fields and style are."""
    published = await server.published(collection_id, caller, request)
    base, spoken = base_url(request), language(request)
    more = {"found": published, "downloads": [f for f in ITEMS_FORMATS if f != "html"], "titles": TITLES}
    page = Page("collection.html", published.layer.title, (pages.crumbs(published, spoken)[0],), more)
    return await answer(
        request,
        caller,
        [published],
        PAGE_FORMATS,
        lambda links: documents.collection(published, base, links, spoken),
        page,
    )


async def _schema(
    describe: Describe, word: str, title: Text, collection_id: str, request: Request, server: Parts, caller: Principal
) -> Response:
    published = await server.published(collection_id, caller, request)
    href = f"{base_url(request)}/ogc/collections/{collection_id}/{word}"
    spoken = language(request)
    page = Page("schema.html", title, tuple(pages.crumbs(published, spoken)))
    return await answer(
        request, caller, [published], SCHEMA_FORMATS, lambda links: describe(published.layer, href, spoken), page
    )


@router.get("/collections/{collection_id}/queryables")
async def queryables(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """What a filter may name."""
    title = Text("Ce qu'un filtre peut nommer", "What a filter may name")
    return await _schema(schemas.queryables, "queryables", title, collection_id, request, server, caller)


@router.get("/collections/{collection_id}/schema")
async def schema(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """What a feature holds."""
    title = Text("Ce que contient une entité", "What a feature holds")
    return await _schema(schemas.schema, "schema", title, collection_id, request, server, caller)


@router.get("/collections/{collection_id}/sortables")
async def sortables(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """What `sortby` may name."""
    title = Text("Ce par quoi on peut trier", "What can be sorted by")
    return await _schema(schemas.sortables, "sortables", title, collection_id, request, server, caller)


@router.get("/static/{name}")
async def static(name: str, request: Request) -> Response:
    """The style sheet of the pages."""
    found = pages.static_file(name)
    if found is None:
        raise NotFound(f"there is no file {name!r}")
    headers = {"ETag": f'"{found[1]}"', "Cache-Control": "no-cache"}
    if not_modified(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(found[0], media_type="text/css; charset=utf-8", headers=headers)
