"""OGC API Tiles 1.0 (OGC 20-057): tiles of one collection or of several, in every grid of the server."""

import re
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from geoserver_app.core.access import Principal
from geoserver_app.core.errors import BadParameter, NotFound
from geoserver_app.core.publication import Published
from geoserver_app.features.grid import Grid, Tile, grid_of
from geoserver_app.ogc.links import JSON
from geoserver_app.ogc.params import check_names
from geoserver_app.ogc.revised import tag_of
from geoserver_app.ogc.tilesets import limits_at, matrix_sets, tileset, tileset_list
from geoserver_app.web.deps import Caller, Parts, Server
from geoserver_app.web.respond import base_url, cache_headers, json, language, negotiate, not_modified, unchanged
from geoserver_app.web.tiles import MVT, answer_tile, layer_ids

INTEGER = re.compile(r"^\d{1,19}$", re.ASCII)
SCHEMES = "public, max-age=3600"
"""Grids change with the program only."""

router = APIRouter(prefix="/ogc", include_in_schema=False)


@router.get("/tileMatrixSets")
async def list_matrix_sets(request: Request) -> Response:
    check_names(request)
    negotiate(request, {"json": JSON})
    return json(matrix_sets(base_url(request)), headers={"Cache-Control": SCHEMES})


@router.get("/tileMatrixSets/{matrix_set}")
async def get_matrix_set(request: Request, matrix_set: str) -> Response:
    check_names(request)
    negotiate(request, {"json": JSON})
    return json(grid_of(matrix_set).document(), headers={"Cache-Control": SCHEMES})


@router.get("/collections/{collection_id}/tiles")
async def list_collection_tilesets(request: Request, server: Server, caller: Caller, collection_id: str) -> Response:
    check_names(request)
    layers = (await server.published(collection_id, caller, request),)
    here = f"{base_url(request)}/ogc/collections/{collection_id}/tiles"
    return _document(
        request, caller, layers, tileset_list(layers, base_url(request), here, "", _title(request, layers))
    )


@router.get("/collections/{collection_id}/tiles/{matrix_set}")
async def get_collection_tileset(
    request: Request, server: Server, caller: Caller, collection_id: str, matrix_set: str
) -> Response:
    check_names(request)
    grid = grid_of(matrix_set)
    layers = (await server.published(collection_id, caller, request),)
    here = f"{base_url(request)}/ogc/collections/{collection_id}/tiles"
    return _document(request, caller, layers, _tileset(request, layers, grid, here, ""))


@router.get("/collections/{collection_id}/tiles/{matrix_set}/{matrix}/{row}/{column}")
async def get_collection_tile(
    request: Request,
    server: Server,
    caller: Caller,
    collection_id: str,
    matrix_set: str,
    matrix: str,
    row: str,
    column: str,
) -> Response:
    check_names(request, ("rev", "d"))
    grid = grid_of(matrix_set)
    published = await server.published(collection_id, caller, request)
    tile = _read_tile(request, grid, (matrix, row, column), (published,))
    return await answer_tile(request, server, caller, (collection_id,), grid, tile)


@router.get("/tiles")
async def list_tilesets(request: Request, server: Server, caller: Caller) -> Response:
    layers, query = await _selected(request, server, caller)
    here = f"{base_url(request)}/ogc/tiles"
    title = _title(request, layers)
    return _document(request, caller, layers, tileset_list(layers, base_url(request), here, query, title))


@router.get("/tiles/{matrix_set}")
async def get_tileset(request: Request, server: Server, caller: Caller, matrix_set: str) -> Response:
    grid = grid_of(matrix_set)
    layers, query = await _selected(request, server, caller)
    here = f"{base_url(request)}/ogc/tiles"
    return _document(request, caller, layers, _tileset(request, layers, grid, here, query))


@router.get("/tiles/{matrix_set}/{matrix}/{row}/{column}")
async def get_tile(
    request: Request, server: Server, caller: Caller, matrix_set: str, matrix: str, row: str, column: str
) -> Response:
    grid = grid_of(matrix_set)
    layers, _ = await _selected(request, server, caller)
    tile = _read_tile(request, grid, (matrix, row, column), layers)
    return await answer_tile(request, server, caller, tuple(p.id for p in layers), grid, tile)


async def _selected(request: Request, server: Parts, caller: Principal) -> tuple[tuple[Published, ...], str]:
    """The layers of `collections=` (all of the caller's without it), and the query string that keeps them."""
    given = check_names(request, ("collections", "rev", "d"))
    found = {published.id: published for published in await server.all_published(caller, request)}
    asked = given.get("collections")
    if asked is None:
        return tuple(found.values()), ""
    ids = layer_ids(asked, server)
    for layer_id in ids:
        if layer_id not in found:
            raise BadParameter(f"there is no collection {layer_id[:60]!r}", locator="collections")
    return tuple(found[layer_id] for layer_id in ids), f"?collections={quote(','.join(ids), safe=',')}"


def _read_tile(request: Request, grid: Grid, words: tuple[str, str, str], layers: tuple[Published, ...]) -> Tile:
    """The address of a tile; NotFound outside the grid and outside the limits the tile set tells."""
    if request.query_params.get("f", "mvt") not in {"mvt", MVT}:
        raise BadParameter("tiles are offered as mvt only", locator="f")
    for name, word in zip(("tileMatrix", "tileRow", "tileCol"), words, strict=True):
        if not INTEGER.match(word):
            raise NotFound(f"{word[:40]!r} is not a whole number", locator=name)
    level, row, column = map(int, words)
    tile = Tile(level, column, row)
    limits = limits_at(layers, grid, level) if grid.contains(tile) else None
    if limits is None or not limits.holds(tile):
        raise NotFound(f"there is no tile {'/'.join(words)} here: the tile set's limits say which there are")
    return tile


def _title(request: Request, layers: tuple[Published, ...]) -> str:
    return ", ".join(published.layer.title.to(language(request)) for published in layers)


def _tileset(request: Request, layers: tuple[Published, ...], grid: Grid, here: str, query: str) -> dict[str, Any]:
    return tileset(layers, grid, base_url(request), here, query, _title(request, layers), language(request))


def _document(request: Request, caller: Principal, layers: tuple[Published, ...], document: dict[str, Any]) -> Response:
    name = negotiate(request, {"json": JSON})
    tag = tag_of(request, layers, caller, name)
    headers = {**cache_headers([p.layer for p in layers], caller), "ETag": tag}
    return unchanged(tag, headers) if not_modified(request, tag) else json(document, headers=headers)
