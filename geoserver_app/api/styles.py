"""The styles of layers as MapLibre documents, their addresses filled in."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from geoserver_app.core.errors import NotFound
from geoserver_app.core.publication import Published
from geoserver_app.core.style import Style
from geoserver_app.web.deps import Caller, Server
from geoserver_app.web.respond import base_url, cache_headers, etag, json, not_modified, unchanged

router = APIRouter(include_in_schema=False)


def filled(found: Style, drawn: tuple[Published, ...], base: str) -> dict[str, Any]:
    """A style with the addresses a client needs: tiles, glyphs, sprite."""
    style: dict[str, Any] = dict(found.document)
    style["layers"] = [one for p in drawn for one in found.layers_for(p.id, labelled=p.label is not None)]
    style["sources"] = {p.id: {"type": "vector", "url": f"{base}/tiles/{p.id}.json"} for p in drawn}
    style["glyphs"] = f"{base}/glyphs/{{fontstack}}/{{range}}.pbf"
    style["sprite"] = f"{base}/sprites/maillage"
    return style


@router.get("/styles/{style_id}")
async def read_style(style_id: str, request: Request, server: Server, caller: Caller) -> Response:
    """The MapLibre style `styles/{style_id}.json` for the layers this caller may see."""
    catalog = server.catalogue.catalog
    drawn = tuple(p for p in await server.all_published(caller, request) if p.layer.style_id == style_id)
    if not drawn or style_id not in catalog.styles:
        raise NotFound(f"no style {style_id!r}")
    base = base_url(request)
    headers = cache_headers([p.layer for p in drawn], caller)
    document = filled(catalog.styles[style_id], drawn, base)
    answer = json(document, headers=headers)
    tag = etag(bytes(answer.body))
    if not_modified(request, tag):
        return unchanged(tag, headers)
    answer.headers["ETag"] = tag
    return answer
