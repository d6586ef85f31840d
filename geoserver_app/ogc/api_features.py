"""OGC API Features, parts 1, 2, 3 and 5: the features themselves."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from geoserver_app.core.crs import Crs
from geoserver_app.core.errors import NotAllowed, NotFound, Unauthorized
from geoserver_app.core.publication import Published
from geoserver_app.core.query import Page, Query
from geoserver_app.features.cursor import Mark
from geoserver_app.features.encode import geojson_text
from geoserver_app.features.format import Exports, Format, Reading
from geoserver_app.features.read import CHUNK_ROWS, Chunk, count, peek, read_chunk, read_chunks
from geoserver_app.ogc import pages
from geoserver_app.ogc.asked import Asked, read_items
from geoserver_app.ogc.links import GEOJSON, JSON, Link, address, alternates, link
from geoserver_app.ogc.offered import DOWNLOADS, ITEM_FORMATS, ITEMS_FORMATS
from geoserver_app.ogc.params import check_names, read_fields, read_flag, read_offered_crs
from geoserver_app.ogc.revised import tag_of
from geoserver_app.ogc.sending import streamed, whole
from geoserver_app.web.deps import Caller, Parts, Server
from geoserver_app.web.respond import base_url, cache_headers, language, negotiate, not_modified, unchanged
from geoserver_app.web.tiles import GONE, unless_gone

router = APIRouter(prefix="/ogc/collections/{collection_id}/items", include_in_schema=False)

PAGE_ROWS = 50
"""Rows of a table for people, where no limit is named."""
READ = ("GET", "HEAD", "OPTIONS")


@router.get("")
async def list_items(collection_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """A page of features, or in the download formats all that match."""
    published = await server.published(collection_id, caller, request)
    name = negotiate(request, ITEMS_FORMATS)
    asked = read_items(request, published, server.settings)
    tag = tag_of(request, [published], caller, name)
    headers = {
        **cache_headers([published.layer], caller),
        "ETag": tag,
        "Content-Crs": content_crs(asked.query.crs),
        "Content-Language": language(request),
    }
    if not_modified(request, tag):
        return unchanged(tag, headers)
    if name in DOWNLOADS:
        made = _download(DOWNLOADS[name], request, server, asked, headers)
    elif name == "html":
        made = _page(request, server, asked, headers)
    else:
        made = _geojson(request, server, asked, headers)
    # Once the answer has begun, its stream ends with the client.
    return await unless_gone(request, made) or Response(status_code=GONE)


async def _geojson(request: Request, server: Parts, asked: Asked, headers: dict[str, str]) -> Response:
    first, chunks = await peek(read_chunks(server.database, asked.query, geojson_text))
    matched = await _matched(server, asked, first)
    body = _collection(request, asked, chunks, matched)
    if not first.more or first.count == asked.limit:
        return await whole(request, b"".join([piece async for piece in body]), GEOJSON, headers)
    return await streamed(request, body, GEOJSON, headers)


async def _download(made: Format, request: Request, server: Parts, asked: Asked, headers: dict[str, str]) -> Response:
    """Everything that was asked for, as a file."""
    exports = server.extra.setdefault(Exports, Exports(server.settings.exports_max))
    assert isinstance(exports, Exports)  # noqa: S101 - kept under its class
    page = replace(asked.query.page, limit=asked.wanted)
    reading = Reading(server.database, server.settings, replace(asked.query, page=page), exports)
    headers = {**headers, "Content-Disposition": f'attachment; filename="{asked.query.target.id}.{made.suffix}"'}
    return await streamed(request, made.write(reading), made.media_type, headers)


async def _page(request: Request, server: Parts, asked: Asked, headers: dict[str, str]) -> Response:
    """A table of features, and a map of them."""
    if asked.wanted is None:
        limit = min(PAGE_ROWS, asked.limit)
        asked = replace(asked, limit=limit, query=replace(asked.query, page=replace(asked.query.page, limit=limit)))
    published = asked.query.target
    chunk = await read_chunk(server.database, asked.query, min(asked.limit, CHUNK_ROWS), geojson_text)
    matched = await _matched(server, asked, chunk)
    following = None
    if chunk.more and chunk.last is not None:
        following = asked.next_token(Mark(chunk.last, published.revision, matched))
    pairs = [(k, v) for k, v in request.query_params.multi_items() if k not in {"f", "limit", "crs"}]
    home = f"{base_url(request)}/ogc/collections/{published.id}/items"
    return await pages.page(
        request,
        "items.html",
        published.layer.title.to(language(request)),
        headers,
        found=published,
        features=orjson.loads(f"[{chunk.row['text'] or ''}]"),
        matched=matched,
        shown=pages.shown_fields(asked.query),
        links=items_links(request, published, "html", following),
        crumbs=pages.crumbs(published, language(request)),
        exercise=published.publication.exercise_count > 0,
        map=pages.map_assets(request),
        data=address(home, [*pairs, ("limit", str(asked.limit)), ("f", "json")]),
    )


async def _matched(server: Parts, asked: Asked, first: Chunk) -> int | None:
    """How many features match: known from the page, from an earlier page, or counted up to a bound."""
    if asked.mark is None and not first.more:
        return first.count
    if asked.mark is not None and asked.mark.revision == asked.query.target.revision:
        return asked.mark.matched
    return await count(server.database, asked.query, server.settings.count_max)


async def _collection(
    request: Request, asked: Asked, chunks: AsyncIterator[Chunk], matched: int | None
) -> AsyncIterator[bytes]:
    """The features first, then what is only known when the last of them is read."""
    yield b'{"type":"FeatureCollection","features":['
    returned, chunk = 0, None
    async for chunk in chunks:
        if chunk.count:
            yield (b"," if returned else b"") + chunk.row["text"].encode()
        returned += chunk.count
    tail: dict[str, Any] = {"numberReturned": returned}
    if matched is not None:
        tail["numberMatched"] = matched
    tail["timeStamp"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    following = None
    if chunk is not None and chunk.more and chunk.last is not None:
        following = asked.next_token(Mark(chunk.last, asked.query.target.revision, matched))
    tail["links"] = items_links(request, asked.query.target, "json", following)
    yield b"]," + orjson.dumps(tail)[1:]


def items_links(request: Request, published: Published, current: str, following: str | None) -> list[Link]:
    """self, alternates, next and the collection."""
    home = f"{base_url(request)}/ogc/collections/{published.id}"
    pairs = request.query_params.multi_items()
    links = alternates(f"{home}/items", pairs, ITEMS_FORMATS, current)
    if following:
        kept = [(name, value) for name, value in pairs if name not in {"cursor", "f"}]
        href = address(f"{home}/items", [*kept, ("f", current), ("cursor", following)])
        links.append(link("next", href, ITEMS_FORMATS[current]))
    links.append(link("collection", home, JSON))
    return links


@router.get("/{feature_id}")
async def get_item(collection_id: str, feature_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """One feature by its id."""
    published = await server.published(collection_id, caller, request)
    given = check_names(request, ("crs", "properties", "skipGeometry"))
    name = negotiate(request, ITEM_FORMATS)
    query = Query(
        published,
        crs=read_offered_crs(given.get("crs"), published.layer, "crs"),
        fields=read_fields(given.get("properties"), published.layer),
        geometry=not read_flag(given.get("skipGeometry"), "skipGeometry"),
        ids=(_feature_id(feature_id, published),),
        page=Page(limit=1),
    )
    tag = tag_of(request, [published], caller, name)
    headers = {**cache_headers([published.layer], caller), "ETag": tag, "Content-Crs": content_crs(query.crs)}
    if not_modified(request, tag):
        return unchanged(tag, headers)
    chunk = await unless_gone(request, read_chunk(server.database, query, 1, geojson_text))
    if chunk is None:
        return Response(status_code=GONE)
    if not chunk.count:
        raise NotFound(f"{published.id!r} has no feature {feature_id!r}", locator="featureId")
    if name == "html":
        return await _feature_page(request, query, feature_id, chunk.row["text"], headers)
    return await _feature(request, published, feature_id, chunk.row["text"], headers)


async def _feature(
    request: Request, published: Published, feature_id: str, text: str, headers: dict[str, str]
) -> Response:
    links = item_links(request, published, feature_id, "json")
    body = text[:-1].encode() + b',"links":' + orjson.dumps(links) + b"}"
    return await whole(request, body, GEOJSON, headers)


async def _feature_page(
    request: Request, query: Query, feature_id: str, text: str, headers: dict[str, str]
) -> Response:
    published, spoken = query.target, language(request)
    home = f"{base_url(request)}/ogc/collections/{published.id}/items/{feature_id}"
    feature = orjson.loads(text)
    label = feature["properties"].get(published.layer.label)
    return await pages.page(
        request,
        "item.html",
        str(label) if label else f"{published.layer.title.to(spoken)} {feature_id}",
        headers,
        found=published,
        feature=feature,
        shown=pages.shown_fields(query),
        links=item_links(request, published, feature_id, "html"),
        crumbs=pages.crumbs(published, spoken, ("items", f"/ogc/collections/{published.id}/items")),
        exercise=bool(feature["properties"].get("exercise")),
        map=pages.map_assets(request),
        data=address(home, [("f", "json")]),
    )


def item_links(request: Request, published: Published, feature_id: str, current: str) -> list[Link]:
    """self, alternates and the collection."""
    home = f"{base_url(request)}/ogc/collections/{published.id}"
    pairs = request.query_params.multi_items()
    found = alternates(f"{home}/items/{feature_id}", pairs, ITEM_FORMATS, current)
    return [*found, link("collection", home, JSON)]


def _feature_id(text: str, published: Published) -> int:
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) < 2**63:
        return int(text)
    raise NotFound(f"{published.id!r} has no feature {text!r}", locator="featureId")


@router.options("")
@router.options("/{feature_id}")
async def tell_methods(
    collection_id: str, request: Request, server: Server, caller: Caller, feature_id: str | None = None
) -> Response:
    """The methods this caller may use here."""
    await server.published(collection_id, caller, request)
    return Response(status_code=204, headers={"Allow": ", ".join(READ), "Cache-Control": "no-cache"})


@router.post("")
@router.put("/{feature_id}")
@router.patch("/{feature_id}")
@router.delete("/{feature_id}")
async def refuse_write(
    collection_id: str, request: Request, server: Server, caller: Caller, feature_id: str | None = None
) -> Response:
    """Loaded layers are published whole and never edited feature by feature."""
    await server.published(collection_id, caller, request)
    if caller.anonymous:
        raise Unauthorized("a key is needed to change features")
    raise NotAllowed(f"{collection_id!r} is loaded from its source and cannot be edited here", allow=READ)


def content_crs(crs: Crs) -> str:
    """The Content-Crs header of Part 2, 6.3."""
    return f"<{crs.uri}>"
