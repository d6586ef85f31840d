"""Towns and villages: where streets are dense, and the points roads run between."""

from dataclasses import dataclass

import numpy as np
import shapely

from ingest.exercise.communes import Land
from ingest.exercise.graph import distinct
from ingest.exercise.rivers import MEUSE, Rivers
from ingest.exercise.shapes import Flags, Geometries, Indices, Noise, Numbers, Points, dice, lines_of, scatter
from ingest.exercise.territory import COMMUNES

STREET = 92.0
"""Distance between the junctions of a town at scale 1, metres."""

COUNTRY = 400.0
"""Distance between the junctions of the open country at scale 1, metres."""


@dataclass(frozen=True)
class Places:
    """Centres and radii (metres) of towns and villages; the first 31 are the communes' own."""

    centres: Points
    radii: Numbers


@dataclass(frozen=True)
class Junctions:
    points: Points
    place: Indices
    """Index of the town or village, or -1 in the open country."""
    hub: Indices
    """Junction at the centre of each place."""


def draw_places(land: Land, rivers: Rivers, seed: int) -> Places:
    rng = dice(seed, "places")
    towns = np.array([(commune.x, commune.y) for commune in COMMUNES], dtype=np.float64)
    villages = scatter(land.whole.buffer(-250), 2_250, rng)
    meuse = shapely.linestrings(rivers.courses[MEUSE])
    sizes = np.array([118 * np.sqrt(commune.people) for commune in COMMUNES])
    apart = np.hypot(*(villages[:, None] - towns[None]).transpose(2, 0, 1)) - sizes[None]
    villages = villages[(apart.min(axis=1) > 500) & (shapely.distance(shapely.points(villages), meuse) > 350)]
    radii = np.concatenate([sizes, rng.lognormal(5.75, 0.32, len(villages))])
    return Places(np.concatenate([towns, villages]), radii)


def draw_junctions(
    land: Land, rivers: Rivers, places: Places, motorways: Geometries, seed: int, scale: float
) -> Junctions:
    """Junctions: turned and shaken grids in the places, scattered points between them; none in the water."""
    rng = dice(seed, "junctions")
    area = land.whole.buffer(120)
    streets, owners = _streets(places, rng, STREET / np.sqrt(scale))
    country = scatter(area, COUNTRY / np.sqrt(scale), rng)
    nearest = np.hypot(*(country[:, None] - places.centres[None]).transpose(2, 0, 1)) - 0.95 * places.radii[None]
    country = country[nearest.min(axis=1) > 0]
    points = np.round(np.concatenate([places.centres, streets, country]), 2)
    owner = np.concatenate([np.arange(len(places.centres)), owners, np.full(len(country), -1)])
    kept = _dry(points, rivers, motorways) & _inside(points, area)
    kept[: len(places.centres)] = True
    points, owner = points[kept], owner[kept]
    if len(distinct(points)) != len(points):
        raise ValueError("two junctions of the exercise fall on one centimetre: choose another seed")
    return Junctions(points, owner.astype(np.int64), np.arange(len(places.centres)))


def _streets(places: Places, rng: np.random.Generator, spacing: float) -> tuple[Points, Indices]:
    edge = Noise.draw(rng, 900)
    found, owners = [], []
    for index, (centre, radius) in enumerate(zip(places.centres, places.radii, strict=True)):
        pitch = spacing * (0.85 if index < len(COMMUNES) else 1.05)
        count = int(1.4 * radius / pitch) + 1
        steps = np.arange(-count, count + 1) * pitch
        x, y = np.meshgrid(steps, steps * rng.uniform(0.75, 1.3))
        turn = rng.uniform(0, np.pi / 2)
        grid = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-0.24, 0.24, (x.size, 2)) * pitch
        away = np.hypot(grid[:, 0], grid[:, 1])
        grid = grid @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) + centre
        chance = 1.2 - (away / (radius * (1 + 0.22 * edge.at(grid)).clip(0.5))) ** 2
        kept = (rng.uniform(size=len(grid)) < chance) & (away > 0.55 * pitch)
        found.append(grid[kept])
        owners.append(np.full(int(kept.sum()), index))
    points, owner = np.concatenate(found), np.concatenate(owners)
    clear = _uncrowded(points, 0.5 * spacing)
    return points[clear], owner[clear].astype(np.int64)


def _uncrowded(points: Points, gap: float) -> Flags:
    """Drop the later of two points closer than ``gap`` (where places touch)."""
    first, second = shapely.STRtree(shapely.points(points)).query(
        shapely.points(points), predicate="dwithin", distance=gap
    )
    kept = np.ones(len(points), dtype=bool)
    kept[first[first > second]] = False
    return kept


def _dry(points: Points, rivers: Rivers, motorways: Geometries) -> Flags:
    spots = shapely.points(points)
    kept = np.ones(len(points), dtype=bool)
    meuse = lines_of([rivers.courses[MEUSE]])
    for lines, gap in ((meuse, 95.0), (rivers.streams.geometries(), 14.0), (motorways, 70.0)):
        near, _ = shapely.STRtree(lines).query(spots, predicate="dwithin", distance=gap)
        kept[near] = False
    return kept


def _inside(points: Points, area: object) -> Flags:
    shapely.prepare(area)
    inside: Flags = shapely.contains_xy(area, points[:, 0], points[:, 1])
    return inside
