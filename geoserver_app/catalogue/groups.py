"""The groups layers are listed under, in the order people see them."""

from dataclasses import dataclass

from geoserver_app.core.layer import Text


@dataclass(frozen=True)
class Group:
    id: str
    title: Text


GROUPS: tuple[Group, ...] = (
    Group("crisis", Text("Crise", "Crisis")),
    Group("risk", Text("Risques", "Risks")),
    Group("water", Text("Eau", "Water")),
    Group("mobility", Text("Mobilité", "Mobility")),
    Group("resources", Text("Ressources", "Resources")),
    Group("territory", Text("Territoire", "Territory")),
    Group("other", Text("Autres données", "Other data")),
)
"""`group` of a layer file names one of these."""
