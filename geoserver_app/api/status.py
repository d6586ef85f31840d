"""Alive, ready, and numbers for whoever watches."""

from contextlib import suppress

from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from geoserver_app.core.errors import GeoError
from geoserver_app.web.deps import Server
from geoserver_app.web.respond import json

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def alive() -> Response:
    """200 as long as this process answers."""
    return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})


@router.get("/readyz")
async def ready(server: Server) -> Response:
    """200 when the database answers and a catalogue is loaded; 503 says which is missing."""
    database = False
    with suppress(GeoError):
        async with server.database.read(2_000) as reader:
            database = await reader.value("SELECT 1") == 1
    state = {
        "database": database,
        "listening": server.revisions.connected,
        "layers": len(server.catalogue.catalog.layers),
        "published": len(server.revisions.known),
        "mistakes": [f"{m.file}: {m.key}: {m.text}" for m in server.catalogue.mistakes],
    }
    return json(state, status=200 if database else 503, headers={"Cache-Control": "no-store"})
