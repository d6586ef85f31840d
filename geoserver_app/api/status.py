"""Alive, ready, and numbers for whoever watches."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from geoserver_app.core.access import Principal, readers
from geoserver_app.core.errors import GeoError
from geoserver_app.web.deps import Caller, Parts, Server
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


@router.get("/metrics")
async def metrics(server: Server, caller: Caller) -> Response:
    """Numbers of the worker that happens to answer, as Prometheus reads them; no question to the database."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(Numbers(server, caller))
    return Response(
        generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"}
    )


class Numbers(Collector):
    """What one worker knows of itself. A layer out of the caller's reach is counted but not named."""

    def __init__(self, server: Parts, caller: Principal) -> None:
        self.server, self.caller = server, caller

    def collect(self) -> Iterator[Metric]:
        known, layers = self.server.revisions.known, self.server.catalogue.catalog.layers
        published = {name: known[name] for name in layers if name in known}
        yield _gauge(
            "catalogue_mistakes",
            "Mistakes for which this worker refuses the last change of layer and style files; `maillage check` tells.",
            len(self.server.catalogue.mistakes),
        )
        yield _gauge("layers_published", "Layers this worker serves, to whomever.", len(published))
        yield _gauge(
            "revision_listening",
            "1 while this worker is told of new revisions; 0 while it asks the database each time.",
            int(self.server.revisions.connected),
        )
        ages = _gauge("layer_age_seconds", "Time since the rows this worker serves were loaded.", labels=["layer"])
        now = datetime.now(UTC)
        for name, publication in published.items():
            if readers(layers[name]) & self.caller.roles:
                ages.add_metric([name], (now - publication.loaded_at).total_seconds())
        yield ages


def _gauge(name: str, told: str, value: float | None = None, *, labels: list[str] | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"maillage_{name}", f"{told} One worker's view.", value=value, labels=labels)
