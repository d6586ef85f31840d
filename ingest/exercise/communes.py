"""Communes: cells around the real centres, with wandering borders that neighbours share exactly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.exercise.shapes import Geometries, Indices, Points, dice, fractal
from ingest.exercise.territory import COMMUNES, EXTENT

NEIGHBOUR_SPACING = 5_400.0
"""Distance between the nameless centres around the territory, which give its outer communes an outer border."""

ROUGHNESS = 0.105
"""How far borders wander, as a share of the distance between the points they join."""


@dataclass(frozen=True)
class Land:
    """The territory: one polygon a commune (order of COMMUNES), their borders, their union and its surroundings."""

    cells: Geometries
    borders: Geometries
    whole: Any
    around: Any
    """The territory and 1.5 km of its surroundings: where rivers and roads are drawn."""

    def commune_of(self, points: Points) -> Indices:
        """Index of the commune of each point, -1 outside the territory."""
        found = np.full(len(points), -1, dtype=np.int64)
        shapely.prepare(self.cells)
        for index, cell in enumerate(self.cells):
            found[shapely.contains_xy(cell, points[:, 0], points[:, 1])] = index
        return found

    def commune_near(self, points: Points) -> Indices:
        """The same, but the nearest commune outside the territory."""
        found = self.commune_of(points)
        outside = np.flatnonzero(found < 0)
        found[outside] = shapely.STRtree(self.cells).nearest(shapely.points(points[outside]))
        return found


def draw_land(seed: int) -> Land:
    rng = dice(seed, "communes")
    centres = np.array([(commune.x, commune.y) for commune in COMMUNES])
    everyone = np.concatenate([centres, _neighbours(centres, rng)])
    net = shapely.voronoi_polygons(shapely.multipoints(everyone), only_edges=True)
    edges = shapely.get_coordinates(shapely.get_parts(net)).reshape(-1, 2, 2)
    edges = edges[np.lexsort(edges.reshape(-1, 4).T[::-1])]
    borders = _bent(edges, rng)
    faces = shapely.get_parts(shapely.polygonize(borders))
    inside, face = shapely.STRtree(faces).query(shapely.points(centres), predicate="within")
    cells = shapely.normalize(faces[face[np.argsort(inside)]])
    whole = shapely.union_all(cells)
    touching = shapely.intersects(borders, whole)
    around = shapely.intersection(whole.buffer(1_500), shapely.box(*EXTENT).buffer(-200))
    return Land(cells, borders[touching], whole, around)


def _bent(edges: NDArray[np.float64], rng: np.random.Generator) -> Geometries:
    """Wandering borders that meet at their ends only: those that cross are drawn again, straighter each time."""
    borders: Geometries = np.empty(len(edges), dtype=object)
    again, roughness = np.arange(len(edges)), ROUGHNESS
    while len(again):
        bent = fractal(edges[again, 0], edges[again, 1], rng, depth=6, roughness=roughness)
        borders[again] = shapely.linestrings(np.round(bent, 2))
        crossing = shapely.STRtree(borders).query(borders, predicate="crosses")
        again = np.union1d(crossing, np.flatnonzero(~shapely.is_simple(borders)))
        roughness *= 0.7
    return borders


def _neighbours(centres: Points, rng: np.random.Generator) -> Points:
    step = NEIGHBOUR_SPACING
    x, y = np.meshgrid(np.arange(172_000, 264_000, step), np.arange(96_000, 184_000, step))
    points = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-0.2, 0.2, (x.size, 2)) * step
    apart = np.hypot(*(points[:, None] - centres[None]).transpose(2, 0, 1)).min(axis=1)
    kept: Points = points[apart > 0.95 * step]
    return kept
