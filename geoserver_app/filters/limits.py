"""How large a filter may be."""

from dataclasses import dataclass

from geoserver_app.core.errors import BadFilter
from geoserver_app.settings import Settings


@dataclass(frozen=True)
class Limits:
    """``length`` in characters, ``depth`` in nested expressions, ``vertices`` of all its geometries."""

    length: int = 100_000
    depth: int = 50
    nodes: int = 2_000
    vertices: int = 10_000

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            settings.filter_length_max,
            settings.filter_depth_max,
            settings.filter_nodes_max,
            settings.literal_vertices_max,
        )


class Budget:
    """What is left of the limits while one filter is read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.nodes = 0
        self.vertices = 0

    def node(self, where: str) -> None:
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            raise BadFilter(f"the filter has more than {self.limits.nodes} parts, {where}", locator="filter")

    def vertex(self, where: str) -> None:
        self.vertices += 1
        if self.vertices > self.limits.vertices:
            raise BadFilter(
                f"the geometries of the filter have more than {self.limits.vertices} vertices, {where}",
                locator="filter",
            )

    def depth(self, depth: int, where: str) -> None:
        if depth > self.limits.depth:
            raise BadFilter(f"the filter is nested more than {self.limits.depth} deep, {where}", locator="filter")
