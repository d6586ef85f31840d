"""What handlers are given: the parts of the server, and who asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from geoserver_app.auth.accounts import Accounts, read_token
from geoserver_app.catalogue import Catalog, Watcher
from geoserver_app.core.access import Principal, readers, seen_by
from geoserver_app.core.errors import BadParameter, UnknownLayer
from geoserver_app.core.publication import Publication, Published, publish
from geoserver_app.settings import Settings
from geoserver_app.store.engine import Database
from geoserver_app.store.revisions import Revisions

REVISION_HEADER = "Maillage-Revision"


@dataclass
class Parts:
    """Everything a running worker holds, built once by the application."""

    settings: Settings
    database: Database
    revisions: Revisions
    catalogue: Watcher
    accounts: Accounts
    extra: dict[type, object] = field(default_factory=dict)
    """Parts that one protocol owns (a tile cache …), by their class."""
    _seen: dict[tuple[str, frozenset[str]], Published] = field(default_factory=dict)
    _seen_of: Catalog | None = None

    async def published(self, layer_id: str, caller: Principal, request: Request | None = None) -> Published:
        """The layer as this caller may know it; UnknownLayer where there is none for them."""
        current = await self.revisions.current(at_least=_at_least(request))
        return self._published(layer_id, caller, current)

    async def all_published(self, caller: Principal, request: Request | None = None) -> tuple[Published, ...]:
        """Every layer this caller may know, in the catalogue's order."""
        current = await self.revisions.current(at_least=_at_least(request))
        found = []
        for layer_id, layer in self.catalogue.catalog.layers.items():
            if layer_id in current and readers(layer) & caller.roles:
                found.append(self._published(layer_id, caller, current))
        return tuple(found)

    def _published(self, layer_id: str, caller: Principal, current: Mapping[str, Publication]) -> Published:
        catalog = self.catalogue.catalog
        if self._seen_of is not catalog:
            self._seen, self._seen_of = {}, catalog
        layer, publication = catalog.layers.get(layer_id), current.get(layer_id)
        if layer is None or publication is None:
            raise UnknownLayer(f"no collection {layer_id!r}", locator="collectionId")
        known = self._seen.get((layer_id, caller.roles))
        if known is None or known.publication is not publication:
            known = publish(seen_by(layer, caller), publication)
            self._seen[layer_id, caller.roles] = known
        return known


def _at_least(request: Request | None) -> dict[str, int]:
    """Revisions the client has seen: `Maillage-Revision: incidents=42, roads=7`."""
    sent = request.headers.get(REVISION_HEADER) if request else None
    if not sent:
        return {}
    try:
        pairs = (part.split("=", 1) for part in sent.split(","))
        return {name.strip(): int(number) for name, number in pairs}
    except ValueError:
        raise BadParameter(f"{sent!r} is not a list of layer=revision", locator=REVISION_HEADER) from None


def read_parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def read_principal(request: Request) -> Principal:
    """Who asks; Unauthorized for a key that is not known (never silently anonymous)."""
    return await read_parts(request).accounts.caller(read_token(request.headers))


Server = Annotated[Parts, Depends(read_parts)]
Caller = Annotated[Principal, Depends(read_principal)]
