"""What the viewer lists: layers with their titles, dates, attributions, revisions."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from geoserver_app.catalogue import Catalog
from geoserver_app.core.errors import BadParameter
from geoserver_app.core.layer import Field, Risk, Text
from geoserver_app.core.publication import Published
from geoserver_app.features.search import find_communes
from geoserver_app.web.deps import Caller, Server
from geoserver_app.web.respond import base_url, cache_headers, etag, json, layer_digest, not_modified, unchanged

router = APIRouter(prefix="/api")
SEARCH = frozenset({"q", "limit", "lang"})
"""Parameters of a search."""


def _text(text: Text) -> dict[str, str]:
    return {"fr": text.fr, "en": text.en}


def _field(field: Field) -> dict[str, Any]:
    codes = [{"value": code.value, "title": _text(code.title)} for code in field.codes]
    return {"name": field.name, "type": field.type, "title": _text(field.title), "unit": field.unit, "codes": codes}


def _risk(risk: Risk | None) -> dict[str, Any] | None:
    return {**vars(risk), "severity": dict(risk.severity)} if risk else None


def describe(published: Published, base: str) -> dict[str, Any]:
    """One entry of the list. Times are RFC 3339, bbox is CRS84."""
    layer, publication = published.layer, published.publication
    return {
        "id": layer.id,
        "title": _text(layer.title),
        "abstract": _text(layer.abstract),
        "group": layer.group,
        "geometry": layer.geometry,
        "attribution": published.licence.attribution,
        "licence": {"name": published.licence.name, "url": published.licence.url},
        "date": published.date,
        "loaded_at": publication.loaded_at,
        "revision": publication.revision,
        "count": publication.count,
        "bbox": publication.bbox,
        "exercise": publication.exercise_count,
        "visible": layer.visible,
        "label": layer.label,
        "risk": _risk(layer.risk),
        "zoom": {"min": layer.zoom.min, "max": layer.zoom.max},
        "fields": [_field(field) for field in layer.fields],
        "tilejson": f"{base}/tiles/{layer.id}.json",
        "style": f"{base}/styles/{layer.style_id}",
        "items": f"{base}/ogc/collections/{layer.id}/items",
        "pack": f"{base}/packs/{layer.id}.pmtiles" if publication.pack else None,
    }


def _groups(catalog: Catalog) -> list[dict[str, Any]]:
    return [{"id": group.id, "title": _text(group.title)} for group in catalog.groups]


@router.get("/layers")
async def list_layers(request: Request, server: Server, caller: Caller) -> Response:
    """Every published layer this caller may see, in the catalogue's order."""
    found = await server.all_published(caller, request)
    base = base_url(request)
    headers = cache_headers([p.layer for p in found], caller)
    tag = etag(base, sorted(caller.roles), *(f"{p.id}:{p.revision}:{layer_digest(p)}" for p in found))
    if not_modified(request, tag):
        return unchanged(tag, headers)
    body = {
        "layers": [describe(published, base) for published in found],
        "groups": _groups(server.catalogue.catalog),
        "exercise": any(p.publication.exercise_count for p in found),
    }
    return json(body, headers={**headers, "ETag": tag})


@router.get("/search")
async def search(
    request: Request,
    server: Server,
    caller: Caller,
    q: Annotated[str, Query(min_length=1, max_length=80)],
    limit: Annotated[int, Query(ge=1, le=50)] = 10,
) -> Response:
    """Communes whose name begins with, or contains, the text: accents and case do not matter."""
    unknown = next((name for name in request.query_params if name not in SEARCH), None)
    if unknown is not None:
        raise BadParameter(f"there is no parameter {unknown!r} here", locator=unknown)
    communes = await server.published("communes", caller, request)
    headers = cache_headers([communes.layer], caller)
    revision = f"{communes.revision}:{layer_digest(communes)}"
    tag = etag(base_url(request), request.url.query, sorted(caller.roles), revision)
    if not_modified(request, tag):
        return unchanged(tag, headers)
    async with server.database.read() as reader:
        body = await find_communes(reader, communes, q, limit)
    return json(body, media_type="application/geo+json", headers={**headers, "ETag": tag})
