"""Vector tiles for web maps: `/tiles/{ids}/{z}/{x}/{y}.mvt` and their TileJSON."""

import re

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from geoserver_app.core.errors import NotFound
from geoserver_app.features.grid import WEB_MERCATOR_QUAD, Tile
from geoserver_app.tiles.tilejson import tilejson
from geoserver_app.web.deps import Parts, read_parts, read_principal
from geoserver_app.web.respond import base_url, cache_headers, etag, json, language, not_modified, unchanged
from geoserver_app.web.tiles import answer_tile, layer_ids, layers_of, query_string, tile_source, version

IDS = r"([a-z][a-z0-9_]{0,49}(?:,[a-z][a-z0-9_]{0,49})*)"
TILEJSON = re.compile(rf"^{IDS}\.json$", re.ASCII)
TILE = re.compile(rf"^{IDS}/(\d{{1,2}})/(\d{{1,8}})/(\d{{1,8}})\.(?:mvt|pbf)$", re.ASCII)

router = APIRouter()


async def tile(request: Request) -> Response:
    """One expression reads the address: a warm tile costs no framework validation."""
    address = request.path_params["address"]
    server = read_parts(request)
    found = TILE.match(address)
    if found is None:
        return await _described(request, server)
    where = Tile(int(found[2]), int(found[3]), int(found[4]))
    if not WEB_MERCATOR_QUAD.contains(where):
        raise NotFound(f"there is no tile {address.partition('/')[2]} in WebMercatorQuad")
    caller = await read_principal(request)
    return await answer_tile(request, server, caller, layer_ids(found[1], server), WEB_MERCATOR_QUAD, where)


async def _described(request: Request, server: Parts) -> Response:
    """`/tiles/{ids}.json`: TileJSON that names the tiles by revision, so that clients keep them."""
    found = TILEJSON.match(request.path_params["address"])
    if found is None:
        raise NotFound("a tile's address is /tiles/{layers}/{z}/{x}/{y}.mvt, its description /tiles/{layers}.json")
    caller = await read_principal(request)
    layers = await layers_of(layer_ids(found[1], server), server, caller, request)
    pinned = version(layers, tile_source(server))
    ids = ",".join(published.id for published in layers)
    address = f"{base_url(request)}/tiles/{ids}/{{z}}/{{x}}/{{y}}.mvt?{query_string(pinned)}"
    document = tilejson(layers, address, language(request))
    headers = cache_headers([published.layer for published in layers], caller)
    headers["ETag"] = etag(orjson.dumps(document))
    if not_modified(request, headers["ETag"]):
        return unchanged(headers["ETag"], headers)
    return json(document, headers=headers)


router.add_route("/tiles/{address:path}", tile, methods=["GET"])
