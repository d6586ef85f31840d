"""Flood hazard: nested classes along the water, cut into one coverage whose pieces share their borders exactly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ingest.exercise.communes import Land
from ingest.exercise.rivers import Reaches, Rivers
from ingest.exercise.shapes import Flags, Geometries, Indices, Noise, Numbers, Points, dice, normals, spaced

GRID = 0.05
"""Coordinates of the flood polygons are multiples of 5 cm; lines are noded on that grid, so borders are exact."""

SLIVER = 15.0
"""Pieces smaller than this, in m², are left out."""

LOW, MEDIUM, HIGH = 1, 2, 3
OVERFLOW, RUNOFF, BOTH = 1, 2, 3


@dataclass(frozen=True)
class Hazard:
    """The pieces of the coverage with their class (LOW to HIGH) and cause (OVERFLOW, RUNOFF, BOTH)."""

    pieces: Geometries
    level: Indices
    cause: Indices


@dataclass(frozen=True)
class _Stations:
    """Points along reaches, each with its left normal; ``joined[i]`` says whether i and i + 1 are on one reach."""

    points: Points
    left: Points
    catchment: Numbers
    joined: Flags

    @classmethod
    def along(cls, reaches: Reaches, step: float) -> "_Stations":
        lines = [spaced(line, step) for line in reaches.lines]
        counts = [len(line) for line in lines]
        joined = np.ones(sum(counts), dtype=bool)
        joined[np.cumsum(counts) - 1] = False
        return cls(
            np.concatenate(lines),
            np.concatenate([normals(line) for line in lines]),
            np.repeat(reaches.catchment, counts),
            joined[:-1],
        )

    def eased(self, width: Numbers, slope: float = 0.4) -> Numbers:
        """Widths that never grow faster than ``slope`` along a reach, so that a wide place looks like a plain."""
        eased = width.tolist()
        gaps = np.where(self.joined, slope * np.hypot(*np.diff(self.points, axis=0).T), np.inf).tolist()
        for i, gap in enumerate(gaps):
            eased[i + 1] = min(eased[i + 1], eased[i] + gap)
        for i in range(len(gaps) - 1, -1, -1):
            eased[i] = min(eased[i], eased[i + 1] + gaps[i])
        return np.array(eased)


def draw_hazard(land: Land, rivers: Rivers, seed: int, scale: float) -> Hazard:
    coarse = scale**-0.25
    overflow, drowned, cuts = _overflow(rivers.streams, dice(seed, "flood"), 80 * coarse)
    runoff, more_cuts = _runoff(rivers, drowned, dice(seed, "runoff"), 70 * coarse)
    return _coverage(land, overflow, runoff, np.concatenate([cuts, more_cuts]))


def draw_observed(land: Land, rivers: Rivers, seed: int, scale: float) -> Geometries:
    """Where the water stood in the exercise's "July 2021": patches along the larger streams."""
    rng = dice(seed, "observed")
    along = _Stations.along(rivers.streams.only(rivers.streams.catchment > 7), 55 * scale**-0.25)
    broad, fine = Noise.draw(rng, 3_800), Noise.draw(rng, 420)
    height = broad.at(along.points)
    width = _bed(along.catchment) * np.exp(0.35 * fine.at(along.points)) * (0.9 + 0.75 * height)
    width = along.eased(np.where((height > -0.35) & (width > 9), np.minimum(width, 420.0), 0.0))
    lobe = np.clip(0.5 * Noise.draw(rng, 900).at(along.points), -0.7, 0.7)
    water = shapely.union_all(_capsules(along, width, lobe))
    water = water.buffer(12, quad_segs=3).buffer(-12, quad_segs=3).simplify(1.5)
    pieces = shapely.get_parts(shapely.intersection(water, land.cells, grid_size=GRID))
    pieces = pieces[(shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON) & (shapely.area(pieces) > 150)]
    return _ordered(pieces)


def _bed(catchment: Numbers) -> Numbers:
    """Half width, in metres, of what a stream of that catchment (km²) floods often."""
    return np.minimum(7 + 7.5 * catchment**0.44, 190.0)


def _overflow(streams: Reaches, rng: np.random.Generator, step: float) -> tuple[list[Any], Any, Geometries]:
    along = _Stations.along(streams, step)
    broad, middle, fine = Noise.draw(rng, 4_500), Noise.draw(rng, 1_500), Noise.draw(rng, 380)
    at, bed = along.points, _bed(along.catchment)
    present = broad.at(at) + 1.1 * np.log10(along.catchment + 0.1) > -0.25
    high = bed * np.exp(0.25 * fine.at(at)) * np.clip(0.75 + 0.22 * middle.at(at), 0.3, 1.3)
    high = np.where(present & (high > 6) & (middle.at(at) + 0.25 * np.log10(along.catchment) > -0.9), high, 0.0)
    base = np.where(present, np.maximum(high, 0.5 * bed), 0.0)
    medium = base + np.where(present, bed * np.clip(0.45 + 0.55 * middle.at(at[:, ::-1]), 0.1, 1.5), 0.0)
    low = medium + np.where(present, bed * np.clip(0.5 + 0.7 * broad.at(at[:, ::-1]), 0.12, 2.0) + 2, 0.0)
    lobe = np.clip(0.4 * Noise.draw(rng, 1_900).at(at), -0.6, 0.6)
    widths = [along.eased(width) for width in (low, medium, high)]
    zones = [shapely.union_all(_capsules(along, width, lobe)) for width in widths]
    apart = Noise.draw(rng, 6_000).at(at) < 0.8
    return zones, shapely.union_all(_capsules(along, np.where(apart, widths[0], 0.0), lobe)), _transects(along, low, 19)


def _runoff(rivers: Rivers, drowned: Any, rng: np.random.Generator, step: float) -> tuple[list[Any], Geometries]:
    """Runoff in the dry valleys; where the streams' own hazard takes over (``drowned``) it is cut back."""
    along = _Stations.along(rivers.valleys, step)
    northern = along.points[:, 1] > rivers.meuse_at(along.points[:, 0])
    gate = Noise.draw(rng, 2_600).at(along.points) + np.where(northern, 0.0, -0.8)
    fine = np.exp(0.4 * Noise.draw(rng, 330).at(along.points))
    grade = along.catchment / np.where(northern, 0.65, 0.3) + 0.35 * Noise.draw(rng, 1_300).at(along.points)
    present = gate > 0.12
    low = np.where(present, (9 + 9 * np.clip(grade, 0, 1.6)) * fine, 0.0)
    medium = np.where(present & (grade > 0.62), low * 0.66, 0.0)
    high = np.where(present & (grade > 1.05), low * 0.36, 0.0)
    lobe = np.clip(0.3 * Noise.draw(rng, 600).at(along.points), -0.5, 0.5)
    zones = [shapely.union_all(_capsules(along, width, lobe)) for width in (low, medium, high)]
    return [zone.difference(drowned) for zone in zones], _transects(along, low, 12)


def _capsules(along: _Stations, width: Numbers, lobe: Numbers, corners: int = 12) -> Geometries:
    """Hulls of the discs at neighbouring points. Discs lean to one bank by ``lobe`` of their width: since the same
    share is used for every class, a wider class always holds the narrower one."""
    centres = along.points + along.left * (lobe * width)[:, None]
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    ring = np.column_stack([np.cos(turn), np.sin(turn)])
    discs = centres[:, None] + ring[None] * width[:, None, None]
    first = np.flatnonzero(along.joined & (width[:-1] > 0) & (width[1:] > 0))
    pairs: NDArray[np.float64] = np.concatenate([discs[first], discs[first + 1]], axis=1)
    owner = np.repeat(np.arange(len(first)), 2 * corners)
    hulls: Geometries = shapely.convex_hull(shapely.multipoints(pairs.reshape(-1, 2), indices=owner))
    return hulls


def _transects(along: _Stations, width: Numbers, every: int) -> Geometries:
    reach = 1.7 * width + 5
    chosen = np.flatnonzero((np.arange(len(along.points)) % every == every // 2) & (width > 0))
    out = along.left[chosen] * reach[chosen, None]
    cuts: Geometries = shapely.linestrings(np.stack([along.points[chosen] - out, along.points[chosen] + out], axis=1))
    return cuts


def _coverage(land: Land, overflow: list[Any], runoff: list[Any], cuts: Geometries) -> Hazard:
    """Node every boundary and every cut together, then classify the faces: neighbours share vertices exactly."""
    zones = [*overflow, *runoff]
    rims = shapely.get_parts(shapely.boundary(np.array(zones)))
    lines = np.concatenate([rims, cuts, land.borders])
    noded = shapely.union_all(lines, grid_size=GRID)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    faces = faces[(shapely.area(faces) > SLIVER) & (shapely.area(faces) < 4e6)]
    inner = shapely.get_coordinates(shapely.point_on_surface(faces))
    wet, rain = _level(overflow, inner), _level(runoff, inner)
    kept = (wet > 0) | (rain > 0)
    faces, wet, rain = faces[kept], wet[kept], rain[kept]
    order = _order(faces)
    cause = np.where(wet > 0, OVERFLOW, 0) + np.where(rain > 0, RUNOFF, 0)
    return Hazard(shapely.normalize(faces)[order], np.maximum(wet, rain)[order], cause[order])


def _level(zones: list[Any], points: Points) -> Indices:
    level = np.zeros(len(points), dtype=np.int64)
    for grade, zone in zip((LOW, MEDIUM, HIGH), zones, strict=True):
        shapely.prepare(zone)
        level[shapely.contains_xy(zone, points[:, 0], points[:, 1])] = grade
    return level


def _order(polygons: Geometries) -> Indices:
    box = shapely.bounds(polygons)
    return np.lexsort((box[:, 2], box[:, 0], box[:, 1])).astype(np.int64)


def _ordered(polygons: Geometries) -> Geometries:
    polygons = shapely.normalize(polygons)
    sorted_ones: Geometries = polygons[_order(polygons)]
    return sorted_ones
