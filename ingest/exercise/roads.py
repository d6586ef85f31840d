"""The road net: one connected graph of motorways, nationals, communal roads and paths."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely

from ingest.exercise.communes import Land
from ingest.exercise.graph import Graph, edge_lengths, neighbours, uncrowded
from ingest.exercise.places import Junctions, Places, draw_junctions
from ingest.exercise.rivers import MEUSE, Rivers
from ingest.exercise.shapes import Flags, Geometries, Indices, Noise, Points, dice, fractal, lines_of, rounded, spaced
from ingest.exercise.territory import BRIDGES, MOTORWAYS, NATIONALS

MOTORWAY, NATIONAL, COMMUNAL, TRACK, PATH, CYCLE = 0, 1, 2, 3, 4, 5
NO_ROUTE = -1
BRIDGED = 3.0
"""Catchment, km², from which a stream needs a bridge; smaller ones pass under in a pipe."""


@dataclass(frozen=True)
class Net:
    """Every stretch between two nodes. ``route`` is an index in MOTORWAYS + NATIONALS, or NO_ROUTE."""

    nodes: Points
    edges: Indices
    curves: list[Points]
    grade: Indices
    route: Indices
    bridge: Flags


def draw_motorways(land: Land, seed: int) -> list[Points]:
    """The courses of the motorways, nodes about 450 m apart."""
    rng = dice(seed, "motorways")
    shapely.prepare(land.around)
    courses = []
    for route in MOTORWAYS:
        near = np.array(route.points, dtype=np.float64)
        bent = fractal(near[:-1], near[1:], rng, depth=1, roughness=0.04)
        line = spaced(rounded(np.concatenate([bent[:, :-1].reshape(-1, 2), near[-1:]]), 4), 450)
        inside = np.flatnonzero(shapely.contains_xy(land.around, line[:, 0], line[:, 1]))
        courses.append(np.round(line[inside[0] : inside[-1] + 1], 2))
    return courses


def draw_roads(land: Land, rivers: Rivers, places: Places, motorways: list[Points], seed: int, scale: float) -> Net:
    rng = dice(seed, "roads")
    junctions = draw_junctions(land, rivers, places, lines_of(motorways), seed, scale)
    points = junctions.points
    edges = neighbours(points)
    edges = edges[uncrowded(points, edges)]
    edges = edges[_crossable(points, edges, rivers)]
    over = _crossed(points, edges, lines_of(motorways))
    grade, route = _grades(junctions, edges, over, rng)
    kept = _connected(len(points), edges, grade, _wanted(points, edges, grade, over, junctions, rng))
    edges, grade, route, over = edges[kept], grade[kept], route[kept], over[kept]
    bridge = over | _crossed(points, edges, rivers.streams.only(rivers.streams.catchment > BRIDGED).geometries())
    points, edges, grade, route = _with_motorways(points, edges, grade, route, motorways)
    bridge = np.concatenate([bridge, np.zeros(len(edges) - len(bridge), dtype=bool)])
    label = Graph.of(len(points), edges).parts()[edges[:, 0]]
    main = label == np.bincount(label).argmax()
    edges, grade, route, bridge = edges[main], grade[main], route[main], bridge[main]
    return Net(points, edges, _curves(points, edges, grade), grade, route, bridge)


def _crossed(points: Points, edges: Indices, lines: Geometries) -> Flags:
    found, _ = shapely.STRtree(lines).query(shapely.linestrings(points[edges]), predicate="crosses")
    crossed = np.zeros(len(edges), dtype=bool)
    crossed[found] = True
    return crossed


def _crossable(points: Points, edges: Indices, rivers: Rivers) -> Flags:
    """All edges but those over the Meuse, of which the nearest to each bridge stays."""
    over = np.flatnonzero(_crossed(points, edges, lines_of([rivers.courses[MEUSE]])))
    middle = points[edges[over]].mean(axis=1)
    bridges = np.array(BRIDGES, dtype=np.float64)
    chosen = over[np.argmin(np.hypot(*(middle[None] - bridges[:, None]).transpose(2, 0, 1)), axis=1)]
    kept = np.ones(len(edges), dtype=bool)
    kept[over] = False
    kept[chosen] = True
    return kept


def _grades(junctions: Junctions, edges: Indices, over: Flags, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Lay the nationals, then the roads from village to village; the rest are streets in places and tracks outside."""
    points = junctions.points
    middle = points[edges].mean(axis=1)
    costs = edge_lengths(points, edges) ** 1.08 * np.exp(0.18 * Noise.draw(rng, 1_800).at(middle)) * (1 + 0.5 * over)
    plain = costs.copy()
    graph = Graph.of(len(points), edges)
    grade, route = np.full(len(edges), -1, dtype=np.int64), np.full(len(edges), NO_ROUTE, dtype=np.int64)
    for number, national in enumerate(NATIONALS, start=len(MOTORWAYS)):
        stops = [int(np.argmin(np.hypot(*(points - np.array(stop)).T))) for stop in national.points]
        for start, goal in pairwise(stops):
            for edge in graph.path(start, goal, costs.tolist()):
                if route[edge] == NO_ROUTE:
                    route[edge], grade[edge], costs[edge] = number, NATIONAL, 0.6 * plain[edge]
    hubs = points[junctions.hub]
    links = neighbours(hubs)
    links = links[uncrowded(hubs, links)]
    for a, b in links.tolist():
        for edge in graph.path(int(junctions.hub[a]), int(junctions.hub[b]), costs.tolist()):
            if grade[edge] < 0:
                grade[edge], costs[edge] = COMMUNAL, 0.7 * plain[edge]
    return grade, route


def _wanted(
    points: Points, edges: Indices, grade: Indices, over: Flags, junctions: Junctions, rng: np.random.Generator
) -> Flags:
    """Give the remaining edges a class in place, and say which stay."""
    inside = (junctions.place[edges] >= 0).all(axis=1) & (edge_lengths(points, edges) < 320)
    fate, rest = rng.uniform(size=len(edges)), grade < 0
    kind = rng.uniform(size=len(edges))
    grade[rest & inside] = np.select([kind < 0.045, kind < 0.06], [PATH, CYCLE], COMMUNAL)[rest & inside]
    grade[rest & ~inside] = np.select([kind < 0.2, kind < 0.3, kind < 0.31], [COMMUNAL, PATH, CYCLE], TRACK)[
        rest & ~inside
    ]
    wanted: Flags = ~rest | (fate < np.where(inside, 0.86, 0.56) * np.where(over, 0.3, 1.0))
    return wanted


def _connected(size: int, edges: Indices, grade: Indices, wanted: Flags) -> Flags:
    """The wanted edges, and as many of the others as it takes to leave no junction apart."""
    root = list(range(size))

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    kept = wanted.copy()
    for edge in np.concatenate([np.flatnonzero(wanted), np.flatnonzero(~wanted)]).tolist():
        a, b = find(int(edges[edge, 0])), find(int(edges[edge, 1]))
        if a != b:
            root[a] = b
            kept[edge] = True
    return kept


def _with_motorways(
    points: Points, edges: Indices, grade: Indices, route: Indices, motorways: list[Points]
) -> tuple[Points, Indices, Indices, Indices]:
    """Add the motorways, and a slip road to the nearest national junction wherever one passes under."""
    nationals = np.flatnonzero(grade == NATIONAL)
    straight = shapely.linestrings(points[edges[nationals]])
    for number, course in enumerate(motorways):
        first = len(points)
        nodes = np.arange(first, first + len(course))
        found = nationals[shapely.STRtree(straight).query(shapely.linestrings(course), predicate="crosses")]
        slips = []
        for edge in np.sort(found).tolist():
            ends = points[edges[edge]]
            away = np.hypot(*(course[:, None] - ends[None]).transpose(2, 0, 1))
            node, end = np.unravel_index(np.argmin(away), away.shape)
            slips.append((int(edges[edge, end]), first + int(node)))
        added = np.array(list(pairwise(nodes.tolist())) + sorted(set(slips)), dtype=np.int64).reshape(-1, 2)
        points = np.concatenate([points, course])
        edges = np.concatenate([edges, added])
        grade = np.concatenate([grade, np.full(len(added), MOTORWAY)])
        route = np.concatenate([route, np.full(len(added), number)])
    return points, edges, grade, route


def _curves(points: Points, edges: Indices, grade: Indices) -> list[Points]:
    """Bend the edges so that they run on smoothly through their nodes: cubic curves whose tangents follow the axis of
    each node, which the more important roads set."""
    a, b = points[edges[:, 0]], points[edges[:, 1]]
    span = b - a
    size = np.hypot(span[:, 0], span[:, 1])
    unit = span / size[:, None]
    weight = np.array([9.0, 6.0, 2.0, 1.0, 0.6, 0.6])[grade]
    doubled = (unit[:, 0] + 1j * unit[:, 1]) ** 2 * weight
    pull = np.zeros(len(points), dtype=np.complex128)
    np.add.at(pull, edges[:, 0], doubled)
    np.add.at(pull, edges[:, 1], doubled)
    axis = np.exp(0.5j * np.angle(pull))
    handles = []
    for node in (edges[:, 0], edges[:, 1]):
        tangent = np.column_stack([axis[node].real, axis[node].imag])
        along = (tangent * unit).sum(axis=1)
        tangent = tangent * np.sign(along + 1e-12)[:, None]
        handles.append(np.where((np.abs(along) > 0.64)[:, None], tangent, unit) * (0.32 * size)[:, None])
    steps = np.select([size < 45, size < 130, size < 350], [1, 3, 6], 10)
    curves: list[Points] = [np.empty((0, 2))] * len(edges)
    for count in (1, 3, 6, 10):
        chosen = np.flatnonzero(steps == count)
        t = np.linspace(0, 1, count + 1)[None, :, None]
        p, q = a[chosen, None], b[chosen, None]
        out, back = p + handles[0][chosen, None], q - handles[1][chosen, None]
        bent = (1 - t) ** 3 * p + 3 * (1 - t) ** 2 * t * out + 3 * (1 - t) * t**2 * back + t**3 * q
        bent[:, 0], bent[:, -1] = a[chosen], b[chosen]
        for index, curve in zip(chosen.tolist(), np.round(bent, 2), strict=True):
            curves[index] = curve
    return curves
