"""Vector tiles for web maps: `/tiles/{ids}/{z}/{x}/{y}.mvt` and their TileJSON."""

import re

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from geoserver_app.core.errors import NotFound
from geoserver_app.features.grid import WEB_MERCATOR_QUAD, Tile
from geoserver_app.web.deps import read_parts, read_principal
from geoserver_app.web.tiles import answer_tile, layer_ids

IDS = r"([a-z][a-z0-9_]{0,49}(?:,[a-z][a-z0-9_]{0,49})*)"
TILE = re.compile(rf"^{IDS}/(\d{{1,2}})/(\d{{1,8}})/(\d{{1,8}})\.(?:mvt|pbf)$", re.ASCII)

router = APIRouter()


async def tile(request: Request) -> Response:
    """One expression reads the address: a warm tile costs no framework validation."""
    address = request.path_params["address"]
    found = TILE.match(address)
    if found is None:
        raise NotFound("a tile's address is /tiles/{layers}/{z}/{x}/{y}.mvt")
    server = read_parts(request)
    where = Tile(int(found[2]), int(found[3]), int(found[4]))
    if not WEB_MERCATOR_QUAD.contains(where):
        raise NotFound(f"there is no tile {address.partition('/')[2]} in WebMercatorQuad")
    caller = await read_principal(request)
    return await answer_tile(request, server, caller, layer_ids(found[1], server), WEB_MERCATOR_QUAD, where)


router.add_route("/tiles/{address:path}", tile, methods=["GET"])
