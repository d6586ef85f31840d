"""Planar graphs over scattered points: neighbours, shortest paths, connected parts."""

import heapq
from dataclasses import dataclass

import numpy as np
import shapely

from ingest.exercise.shapes import Flags, Indices, Numbers, Points


def neighbours(points: Points) -> Indices:
    """Delaunay edges between points (on the centimetre, all different), as pairs of indices, sorted."""
    lines = shapely.get_parts(shapely.delaunay_triangles(shapely.multipoints(points), only_edges=True))
    ends = shapely.get_coordinates(lines).reshape(-1, 2)
    keys = points[:, 0] + 1j * points[:, 1]
    order = np.argsort(keys)
    found = order[np.searchsorted(keys[order], ends[:, 0] + 1j * ends[:, 1])]
    return np.unique(np.sort(found.reshape(-1, 2), axis=1), axis=0).astype(np.int64)


def distinct(points: Points) -> Points:
    """The points on the centimetre, without repeats, in their first order."""
    points = np.round(points, 2)
    _, first = np.unique(points, axis=0, return_index=True)
    return points[np.sort(first)]


def uncrowded(points: Points, edges: Indices) -> Flags:
    """Gabriel edges: those whose circle (on the edge as diameter) holds no third point."""
    a, b = points[edges[:, 0]], points[edges[:, 1]]
    middle = (a + b) / 2
    nearest = shapely.STRtree(shapely.points(points)).nearest(shapely.points(middle))
    gap = np.hypot(*(points[nearest] - middle).T)
    kept: Flags = gap > np.hypot(*(b - a).T) / 2 - 1e-6
    return kept


def edge_lengths(points: Points, edges: Indices) -> Numbers:
    away: Numbers = np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T)
    return away


@dataclass(frozen=True)
class Graph:
    """Adjacency: for each node a list of (neighbour, edge)."""

    links: list[list[tuple[int, int]]]

    @classmethod
    def of(cls, size: int, edges: Indices) -> "Graph":
        links: list[list[tuple[int, int]]] = [[] for _ in range(size)]
        for edge, (a, b) in enumerate(edges.tolist()):
            links[a].append((b, edge))
            links[b].append((a, edge))
        return cls(links)

    def flood_from(self, sources: list[int], costs: list[float]) -> tuple[list[int], list[float]]:
        """Parent (-1 at sources and out of reach) and distance of every node from its nearest source."""
        far = [float("inf")] * len(self.links)
        parent = [-1] * len(self.links)
        for node in sources:
            far[node] = 0.0
        queue = [(0.0, node) for node in sources]
        while queue:
            away, node = heapq.heappop(queue)
            if away > far[node]:
                continue
            for other, edge in self.links[node]:
                reached = away + costs[edge]
                if reached < far[other]:
                    far[other], parent[other] = reached, node
                    heapq.heappush(queue, (reached, other))
        return parent, far

    def path(self, start: int, goal: int, costs: list[float]) -> list[int]:
        """Edges of the cheapest way between two nodes; empty when there is none."""
        far = {start: 0.0}
        came: dict[int, tuple[int, int]] = {}
        queue = [(0.0, start)]
        while queue:
            away, node = heapq.heappop(queue)
            if node == goal:
                break
            if away > far[node]:
                continue
            for other, edge in self.links[node]:
                reached = away + costs[edge]
                if reached < far.get(other, float("inf")):
                    far[other], came[other] = reached, (node, edge)
                    heapq.heappush(queue, (reached, other))
        edges: list[int] = []
        while goal != start and goal in came:
            goal, edge = came[goal]
            edges.append(edge)
        return edges[::-1]

    def parts(self) -> Indices:
        """Number of the connected part each node is in."""
        label = np.full(len(self.links), -1, dtype=np.int64)
        for seed in range(len(self.links)):
            if label[seed] >= 0:
                continue
            label[seed], stack = seed, [seed]
            while stack:
                for other, _ in self.links[stack.pop()]:
                    if label[other] < 0:
                        label[other] = seed
                        stack.append(other)
        return label
