"""The river net: named courses, a tree of tributaries that flows into them, and the dry valleys above."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from ingest.exercise.communes import Land
from ingest.exercise.graph import Graph, distinct, edge_lengths, neighbours
from ingest.exercise.shapes import (
    Flags,
    Geometries,
    Indices,
    Noise,
    Numbers,
    Points,
    dice,
    fractal,
    lengths,
    lines_of,
    rounded,
    scatter,
    spaced,
    wander,
)
from ingest.exercise.territory import EXTENT, RIVERS

SPACING = 285.0
"""Distance between the points of the drainage mesh at scale 1, metres."""

MEUSE = 0


@dataclass(frozen=True)
class Reaches:
    """Stretches of water (or of dry valley) from node to node, downstream order of vertices."""

    lines: list[Points]
    start: Indices
    end: Indices
    catchment: Numbers
    """Drained area at the lower end, km²."""
    river: Indices
    """Index in RIVERS of the named river it is part of, or -1."""

    def geometries(self) -> Geometries:
        return lines_of(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def only(self, kept: Flags) -> "Reaches":
        lines = [line for line, keep in zip(self.lines, kept, strict=True) if keep]
        return Reaches(lines, self.start[kept], self.end[kept], self.catchment[kept], self.river[kept])


@dataclass(frozen=True)
class Rivers:
    courses: list[Points]
    """The named rivers, order of RIVERS."""
    streams: Reaches
    valleys: Reaches
    """Dry valleys, where rain runs off; they end at a stream."""

    def meuse_at(self, x: Numbers) -> Numbers:
        """Northing of the Meuse at each easting: the Hesbaye plateau is north of it, the Condroz south."""
        meuse = self.courses[MEUSE]
        return np.interp(x, meuse[:, 0], meuse[:, 1])


@dataclass(frozen=True)
class _Net:
    """The drainage forest: every node flows to its parent."""

    points: Points
    parent: Indices
    river: Indices
    catchment: Numbers
    order: list[int]
    """Every node before its parent."""


def draw_rivers(land: Land, seed: int, scale: float) -> Rivers:
    rng = dice(seed, "rivers")
    courses = _courses(rng)
    net = _drain(land, courses, rng, SPACING / np.sqrt(scale))
    wet = _wet(net, courses[MEUSE], rng, scale)
    dry = ~wet & (net.catchment >= 0.21 / scale) & (net.parent >= 0)
    streams = _reaches(net, wet, dice(seed, "reaches"))
    valleys = _reaches(net, dry, dice(seed, "valleys"))
    return Rivers(courses, streams.only(_inside(streams, land)), valleys.only(_inside(valleys, land)))


def _inside(reaches: Reaches, land: Land) -> Flags:
    shapely.prepare(land.around)
    lines = reaches.geometries()
    kept: Flags = (
        shapely.is_simple(lines)
        & shapely.intersects(lines, land.around)
        & shapely.contains(shapely.box(*EXTENT).buffer(-700), lines)
    )
    return kept


def _courses(rng: np.random.Generator) -> list[Points]:
    courses: list[Points] = []
    for river in RIVERS:
        large = river.name == "Meuse"
        near = np.array(river.points, dtype=np.float64)
        bent = fractal(near[:-1], near[1:], rng, depth=2, roughness=0.05 if large else 0.13)
        line = spaced(rounded(np.concatenate([bent[:, :-1].reshape(-1, 2), near[-1:]]), 4), 100 if large else 70)
        line = wander(line, rng, 3_600, 90) if large else spaced(rounded(wander(line, rng, 760, 60)), 62)
        if river.into:
            parent = courses[[other.name for other in RIVERS].index(river.into)]
            line = _joined(line, parent)
        courses.append(np.round(line, 2))
    return courses


def _joined(line: Points, parent: Points) -> Points:
    """End the line at the vertex of its parent nearest to its end, dropping what went past it."""
    goal = parent[1:-1][np.argmin(np.hypot(*(parent[1:-1] - line[-1]).T))]
    from_parent = shapely.distance(shapely.linestrings(parent), shapely.points(line))
    reached = np.flatnonzero(from_parent < 90)
    stop = max(2, int(reached[0])) if len(reached) else len(line)
    return np.concatenate([line[:stop], goal[None]])


def _drain(land: Land, courses: list[Points], rng: np.random.Generator, spacing: float) -> _Net:
    trunk = distinct(np.concatenate(courses))
    mesh = scatter(land.whole.buffer(3_500), spacing, rng)
    crowded, _ = shapely.STRtree(shapely.points(trunk)).query(
        shapely.points(mesh), predicate="dwithin", distance=0.6 * spacing
    )
    mesh = np.delete(mesh, np.unique(crowded), axis=0)
    points = distinct(np.concatenate([trunk, mesh]))
    edges = neighbours(points)
    across, _ = shapely.STRtree(lines_of(courses)).query(shapely.linestrings(points[edges]), predicate="crosses")
    edges = np.delete(edges, np.unique(across), axis=0)
    parent, river = _down_the_courses(points, courses, len(trunk))
    parent = _grow(points, edges, parent, len(trunk), rng)
    catchment, order = _gather(points, parent, river, len(trunk), spacing)
    return _Net(points, parent, river, catchment, order)


def _down_the_courses(points: Points, courses: list[Points], size: int) -> tuple[Indices, Indices]:
    number = {tuple(point): node for node, point in enumerate(points[:size].tolist())}
    parent, river = np.full(len(points), -1, dtype=np.int64), np.full(len(points), -1, dtype=np.int64)
    for index, course in enumerate(courses):
        nodes = [number[tuple(point)] for point in course.tolist()]
        for upper, lower in pairwise(nodes):
            parent[upper] = lower
        for node in nodes:
            river[node] = index if river[node] < 0 else river[node]
    return parent, river


def _grow(points: Points, edges: Indices, parent: Indices, size: int, rng: np.random.Generator) -> Indices:
    """Let every point of the mesh flow to the courses; ways already taken by much water become cheaper."""
    noise = Noise.draw(rng, 2_600)
    middle = (points[edges[:, 0]] + points[edges[:, 1]]) / 2
    costs = edge_lengths(points, edges) ** 1.3 * np.exp(0.35 * noise.at(middle) + rng.normal(0, 0.45, len(edges)))
    graph = Graph.of(len(points), edges)
    lookup = {(a, b): edge for edge, (a, b) in enumerate(edges.tolist())}
    flowing = parent
    for attempt in range(3):
        found, _ = graph.flood_from(list(range(size)), costs.tolist())
        flowing = np.array(found, dtype=np.int64)
        flowing[:size] = parent[:size]
        if attempt == 2:
            break
        amount, _ = _sum_down(flowing, np.ones(len(points)))
        for node in range(size, len(points)):
            other = int(flowing[node])
            if other >= 0:
                costs[lookup[min(node, other), max(node, other)]] /= 1 + 0.22 * min(float(amount[node]), 40) ** 0.6
    return flowing


def _sum_down(parent: Indices, amount: Numbers) -> tuple[Numbers, list[int]]:
    waiting = np.bincount(parent[parent >= 0], minlength=len(parent)).tolist()
    below, total = parent.tolist(), amount.tolist()
    ready = [node for node, count in enumerate(waiting) if count == 0]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        lower = below[node]
        if lower >= 0:
            total[lower] += total[node]
            waiting[lower] -= 1
            if waiting[lower] == 0:
                ready.append(lower)
    return np.array(total), order


def _gather(points: Points, parent: Indices, river: Indices, size: int, spacing: float) -> tuple[Numbers, list[int]]:
    own = np.full(len(points), spacing**2 * 0.866e-6)
    own[:size] = 0.004
    seen: set[int] = set()
    fed = np.ones(len(points), dtype=bool)
    fed[parent[parent >= 0]] = False
    for node in np.flatnonzero(fed[:size]).tolist() + list(range(size)):
        index = int(river[node])
        if index >= 0 and index not in seen and not np.any((parent[:size] == node) & (river[:size] == index)):
            seen.add(index)
            own[node] = RIVERS[index].upstream
    return _sum_down(parent, own)


def _wet(net: _Net, meuse: Points, rng: np.random.Generator, scale: float) -> Flags:
    """Nodes where water runs all year: sooner in the Condroz than on the loams of the Hesbaye."""
    northern = net.points[:, 1] > np.interp(net.points[:, 0], meuse[:, 0], meuse[:, 1])
    noise = Noise.draw(rng, 5_000).at(net.points)
    needed = np.where(northern, 1.1, 0.33) / scale * np.exp(0.3 * noise)
    wet: Flags = (net.river >= 0) | ((net.catchment >= needed) & (net.parent >= 0))
    for node in net.order:
        if wet[node] and net.parent[node] >= 0:
            wet[net.parent[node]] = True
    return wet


def _reaches(net: _Net, part: Flags, rng: np.random.Generator) -> Reaches:
    """Cut the forest at sources, confluences and changes of river."""
    parent = net.parent
    flowing = np.flatnonzero(part & (parent >= 0))
    fed = np.bincount(parent[flowing], minlength=len(parent))
    lower = parent[flowing]
    turns = np.zeros(len(parent), dtype=bool)
    turns[lower[net.river[flowing] != net.river[lower]]] = True
    stops = (fed != 1) | turns | ~part
    lines, starts, ends, areas, rivers = [], [], [], [], []
    for start in np.flatnonzero(part & stops & (parent >= 0)).tolist():
        chain = [start, int(parent[start])]
        while not stops[chain[-1]] and parent[chain[-1]] >= 0:
            chain.append(int(parent[chain[-1]]))
        river = int(net.river[start])
        lines.append(_course(net.points[chain], river >= 0, rng))
        starts.append(start)
        ends.append(chain[-1])
        areas.append(net.catchment[chain[-2]])
        rivers.append(river)
    return Reaches(lines, np.array(starts), np.array(ends), np.array(areas), np.array(rivers))


def _course(points: Points, named: bool, rng: np.random.Generator) -> Points:
    if named:
        return np.round(rounded(points, 1), 2)
    bent = fractal(points[:-1], points[1:], rng, depth=2, roughness=0.11)
    line = np.concatenate([bent[:, :-1].reshape(-1, 2), points[-1:]])
    return np.round(spaced(rounded(line, 2), 38), 2) if lengths(line)[-1] > 80 else line
