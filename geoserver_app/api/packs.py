"""`/packs/{id}.pmtiles`: the baked archive of a layer's current revision, for offline use and open data."""

from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from geoserver_app.core.errors import NotFound
from geoserver_app.core.publication import Published
from geoserver_app.tiles.archive import common
from geoserver_app.tiles.vector import described
from geoserver_app.web.deps import read_parts, read_principal
from geoserver_app.web.ranges import answer_file
from geoserver_app.web.respond import cache_headers
from geoserver_app.web.tiles import tile_source

PMTILES = "application/vnd.pmtiles"

router = APIRouter()


async def pack(request: Request) -> Response:
    """The archive; a layer that is not this caller's, by its licence or its readers, is unknown.

    An archive baked while the layer file said otherwise is withheld: it may hold a field that is restricted by now.
    """
    server = read_parts(request)
    caller = await read_principal(request)
    published = await server.published(request.path_params["layer"], caller, request)
    packs = tile_source(server).packs
    path, baked = packs.path(published), await packs.of(published)
    if path is None or baked is None:
        raise NotFound(f"{published.id!r} has no archive; its tiles are at /tiles/{published.id}.json")
    description = described(common(published), server.settings)
    if baked.description != description:
        raise NotFound(f"{published.id!r} was described anew since its archive was baked; its next load bakes another")
    tag = f'"{published.id}-{published.publication.id}-{description}"'
    return await to_thread.run_sync(_answer, request, path, published, tag, cache_headers([published.layer], caller))


def _answer(request: Request, path: Path, published: Published, tag: str, headers: dict[str, str]) -> Response:
    modified = int(published.publication.loaded_at.timestamp())
    name = f'attachment; filename="{published.id}.pmtiles"'
    # An archive never changes under its publication and description: a strong validator.
    return answer_file(
        request,
        path,
        tag=tag,
        modified=modified,
        media_type=PMTILES,
        headers={**headers, "Content-Disposition": name},
    )


router.add_route("/packs/{layer}.pmtiles", pack, methods=["GET"])
