"""Who asks, and how a layer narrows for them."""

from dataclasses import dataclass, replace

from geoserver_app.core.errors import UnknownLayer
from geoserver_app.core.layer import Layer

ROLES: tuple[str, ...] = (
    "public",
    "citizen",
    "field",
    "municipality",
    "coordinator",
    "data_manager",
    "administrator",
)

_IMPLIED: dict[str, frozenset[str]] = {
    "public": frozenset(),
    "citizen": frozenset({"public"}),
    "field": frozenset({"public", "citizen"}),
    "municipality": frozenset({"public", "citizen", "field"}),
    "coordinator": frozenset({"public", "citizen", "field", "municipality"}),
    "data_manager": frozenset({"public", "citizen", "field", "municipality"}),
    "administrator": frozenset(ROLES),
}

OPEN = frozenset({"public", "citizen"})
"""Roles anybody may have: what they read is republished."""
STAFF = frozenset(ROLES) - OPEN


@dataclass(frozen=True)
class Principal:
    """The caller of one request. ``communes`` are INS codes; empty means all of them."""

    roles: frozenset[str]
    communes: frozenset[str] = frozenset()
    key: int | None = None

    @property
    def anonymous(self) -> bool:
        return self.key is None

    def may_act_as(self, role: str) -> bool:
        return role in self.roles


def principal(role: str, communes: frozenset[str] = frozenset(), key: int | None = None) -> Principal:
    """A caller with one role and all that it implies."""
    return Principal(_IMPLIED[role] | {role}, communes, key)


ANONYMOUS = principal("public")


def readers(layer: Layer) -> frozenset[str]:
    """Roles that may read the layer; never the public ones where the licence forbids republishing."""
    if layer.licence.republish or not layer.read & OPEN:
        return layer.read
    # Every other role implies these two, so all the others could read it, and still may.
    return STAFF


def seen_by(layer: Layer, caller: Principal) -> Layer:
    """The layer as this caller may know it; UnknownLayer when nothing of it is theirs."""
    allowed = readers(layer)
    if not allowed & caller.roles:
        raise UnknownLayer(f"no collection {layer.id!r}", locator="collectionId")
    fields = tuple(f for f in layer.fields if not f.read or f.read & caller.roles)
    return layer if (fields, allowed) == (layer.fields, layer.read) else replace(layer, fields=fields, read=allowed)
