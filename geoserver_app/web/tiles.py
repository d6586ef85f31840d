"""How a tile is answered: validators before work, one address per revision, an end when the client leaves."""

import asyncio
import re
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from geoserver_app.core.access import Principal
from geoserver_app.core.errors import BadParameter
from geoserver_app.core.publication import Published
from geoserver_app.features.grid import Grid, Tile
from geoserver_app.tiles.coding import IDENTITY, choose
from geoserver_app.tiles.source import Ask, TileSource
from geoserver_app.web.deps import Parts
from geoserver_app.web.respond import base_url, etag, not_modified, unchanged

MVT = "application/vnd.mapbox-vector-tile"
YEAR = 31_536_000
GONE = 499
"""What the log says of a request whose client left; nobody reads the answer."""
REVISIONS = re.compile(r"^\d{1,18}(?:-\d{1,18})*$")

T = TypeVar("T")


def tile_source(server: Parts) -> TileSource:
    """The worker's tiles, made when first asked for."""
    found = server.extra.get(TileSource)
    if not isinstance(found, TileSource):
        found = TileSource(server.database, server.settings)
        server.extra[TileSource] = found
        server.revisions.on_change(found.forget)
    return found


def layer_ids(text: str, server: Parts) -> tuple[str, ...]:
    """The ids of an address, each once; BadParameter where they are too many."""
    ids = tuple(dict.fromkeys(text.split(",")))
    if len(ids) > server.settings.tile_layers_max:
        raise BadParameter(f"a tile holds at most {server.settings.tile_layers_max} layers", locator="collections")
    return ids


async def layers_of(ids: tuple[str, ...], server: Parts, caller: Principal, request: Request) -> tuple[Published, ...]:
    return tuple([await server.published(layer_id, caller, request) for layer_id in ids])


def version(layers: tuple[Published, ...], source: TileSource) -> dict[str, str]:
    """Query parameters that pin a tile's content for good.

    ``rev`` joins the layers' revisions with ``-``; ``d`` tells their descriptions, which a changed
    layer file or another caller's fields alter without a new revision.
    """
    described = {source.description(published) for published in layers}
    joined = described.pop() if len(described) == 1 else etag(*(source.description(p) for p in layers))[3:13]
    return {"rev": "-".join(str(published.revision) for published in layers), "d": joined}


def query_string(pairs: dict[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs.items())


def open_to_all(layers: tuple[Published, ...]) -> bool:
    """Whether what this caller is shown is what everybody is shown."""
    return all("public" in p.layer.read and not any(f.read for f in p.layer.fields) for p in layers)


def tile_headers(layers: tuple[Published, ...], server: Parts, *, pinned: bool) -> dict[str, str]:
    """Caching of a tile: for good under a pinned address, else asked again each time."""
    known = server.catalogue.catalog.layers
    whole = [known.get(p.id, p.layer) for p in layers]
    same = all("public" in layer.read and not any(f.read for f in layer.fields) for layer in whole)
    vary = "Accept-Encoding" if same else "Accept-Encoding, Authorization, X-API-Key"
    if not open_to_all(layers):
        return {"Cache-Control": "private, no-cache", "Vary": vary}
    return {"Cache-Control": f"public, max-age={YEAR}, immutable" if pinned else "no-cache", "Vary": vary}


async def answer_tile(
    request: Request, server: Parts, caller: Principal, ids: tuple[str, ...], grid: Grid, tile: Tile
) -> Response:
    """The tile of some layers, whichever protocol asked."""
    source = tile_source(server)
    layers = await layers_of(ids, server, caller, request)
    asked = request.query_params.get("rev")
    if asked is not None:
        layers = await _caught_up(asked, layers, server, caller, request)
        current = version(layers, source)
        if asked != current["rev"] or request.query_params.get("d", current["d"]) != current["d"]:
            return _moved(request, current)
    ask = Ask(layers, grid, tile)
    key = source.key(ask)
    headers = tile_headers(layers, server, pinned=asked is not None)
    headers["ETag"] = etag(*key)
    if not_modified(request, headers["ETag"]):
        return unchanged(headers["ETag"], headers)
    taken = choose(request.headers.get("accept-encoding"))
    body = source.kept(key, taken)
    if body is None:
        body = await unless_gone(request, source.make(ask, key, taken))
        if body is None:
            return Response(status_code=GONE)
    if body.coding != IDENTITY:
        headers["Content-Encoding"] = body.coding
    return Response(body.data, media_type=MVT, headers=headers)


async def _caught_up(
    asked: str, layers: tuple[Published, ...], server: Parts, caller: Principal, request: Request
) -> tuple[Published, ...]:
    """The layers again, where the client has seen a newer revision than this worker."""
    if not REVISIONS.match(asked):
        raise BadParameter(f"{asked[:40]!r} is not a revision", locator="rev")
    numbers = [int(number) for number in asked.split("-")]
    if len(numbers) != len(layers):
        return layers
    newer = {p.id: number for p, number in zip(layers, numbers, strict=True) if number > p.revision}
    if not newer:
        return layers
    await server.revisions.current(at_least=newer)
    return await layers_of(tuple(p.id for p in layers), server, caller, request)


def _moved(request: Request, current: dict[str, str]) -> Response:
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in current]
    query = urlencode([*kept, *current.items()], safe=",", quote_via=quote)
    location = f"{base_url(request)}{quote(request.url.path, safe='/,')}?{query}"
    return Response(status_code=307, headers={"Location": location, "Cache-Control": "no-cache"})


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """The outcome of ``work``; None, and the work cancelled, when the client leaves first."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return await task
        return None
    finally:
        gone.cancel()
        task.cancel()
        for ended in (gone, task):
            with suppress(asyncio.CancelledError, Exception):
                await ended


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
