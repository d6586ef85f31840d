"""Noise, curves and lines: the hand that draws. Coordinates are metres, arrays are (n, 2)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Points = NDArray[np.float64]
Numbers = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Geometries = NDArray[Any]

PARTS = (
    "communes",
    "rivers",
    "reaches",
    "valleys",
    "flood",
    "runoff",
    "observed",
    "places",
    "junctions",
    "motorways",
    "roads",
    "streets",
    "streams",
    "ravel",
    "sites",
    "stations",
)


def dice(seed: int, part: str) -> np.random.Generator:
    """Random numbers of one part of the exercise, so that a change in one part leaves the others as they were."""
    return np.random.default_rng([seed, PARTS.index(part)])


@dataclass(frozen=True)
class Noise:
    """A smooth random field over the plane, mean 0 and standard deviation about 1."""

    waves: Points
    phases: Numbers
    weights: Numbers

    @classmethod
    def draw(cls, rng: np.random.Generator, wavelength: float, octaves: int = 3, each: int = 7) -> "Noise":
        lengths = np.repeat(wavelength / 2.0 ** np.arange(octaves), each) * rng.uniform(0.8, 1.25, octaves * each)
        angles = rng.uniform(0, 2 * np.pi, octaves * each)
        waves = np.column_stack([np.cos(angles), np.sin(angles)]) * (2 * np.pi / lengths)[:, None]
        weights = np.repeat(0.6 ** np.arange(octaves), each)
        weights = weights / np.sqrt((weights**2).sum() / 2)
        return cls(waves, rng.uniform(0, 2 * np.pi, octaves * each), weights)

    def at(self, points: Points) -> Numbers:
        values: Numbers = np.cos(points @ self.waves.T + self.phases) @ self.weights
        return values


def fractal(
    starts: Points, ends: Points, rng: np.random.Generator, depth: int, roughness: Numbers | float
) -> NDArray[np.float64]:
    """Bend many segments at once into wandering lines that keep their ends: (n, 2**depth + 1, 2)."""
    lines = np.stack([starts, ends], axis=1)
    most = np.broadcast_to(roughness, len(lines))[:, None]
    for _ in range(depth):
        a, b = lines[:, :-1], lines[:, 1:]
        across = np.stack([-(b - a)[..., 1], (b - a)[..., 0]], axis=-1)
        shift = np.clip(rng.normal(0, 1, a.shape[:2]), -2, 2) * most
        middle = (a + b) / 2 + across * shift[..., None]
        woven = np.empty((len(lines), 2 * lines.shape[1] - 1, 2))
        woven[:, 0::2], woven[:, 1::2] = lines, middle
        lines = woven
    return lines


def rounded(line: Points, times: int = 2) -> Points:
    """Cut the corners of a line (Chaikin), keeping both ends."""
    for _ in range(times):
        a, b = line[:-1], line[1:]
        cut = np.empty((2 * len(a), 2))
        cut[0::2], cut[1::2] = 0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b
        cut[0], cut[-1] = line[0], line[-1]
        line = cut
    return line


def spaced(line: Points, step: float) -> Points:
    """The line with vertices about every ``step`` metres, keeping both ends."""
    along = lengths(line)
    count = max(1, round(along[-1] / step))
    where = np.linspace(0, along[-1], count + 1)
    return np.column_stack([np.interp(where, along, line[:, 0]), np.interp(where, along, line[:, 1])])


def lengths(line: Points) -> Numbers:
    """Distance along the line of each vertex."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


def normals(line: Points) -> Points:
    """Unit vectors to the left of the line at each vertex."""
    ahead = np.gradient(line, axis=0)
    ahead /= np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]
    return np.column_stack([-ahead[:, 1], ahead[:, 0]])


def wander(line: Points, rng: np.random.Generator, wavelength: float, amplitude: float) -> Points:
    """Let the line meander; the sway dies out towards both ends, which stay."""
    along = lengths(line)
    sway = np.zeros(len(line))
    for octave in range(3):
        period = wavelength / 1.7**octave
        sway += 0.65**octave * np.sin(2 * np.pi * (along / period + rng.uniform()) + 1.5 * np.sin(along / period * 1.3))
    sway *= 0.75 + 0.5 * np.sin(2 * np.pi * (along / (wavelength * 7.3) + rng.uniform()))
    rest = np.minimum(along, along[-1] - along)
    swayed: Points = line + normals(line) * (amplitude * sway * np.clip(rest / wavelength, 0, 1))[:, None]
    return swayed


def scatter(area: Any, spacing: float, rng: np.random.Generator, jitter: float = 0.36) -> Points:
    """Points about ``spacing`` apart, irregularly, inside a polygon."""
    west, south, east, north = area.bounds
    rows = np.arange(south, north, spacing * np.sqrt(3) / 2)
    columns = np.arange(west, east, spacing)
    x, y = np.meshgrid(columns, rows)
    x = x + (np.arange(len(rows)) % 2 * spacing / 2)[:, None]
    points = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-jitter, jitter, (x.size, 2)) * spacing
    shapely.prepare(area)
    kept: Points = points[shapely.contains_xy(area, points[:, 0], points[:, 1])]
    return kept


def lines_of(parts: list[Points]) -> Geometries:
    """Many lines, one geometry each, on the centimetre."""
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    made: Geometries = shapely.linestrings(np.round(np.concatenate(parts), 2), indices=owner)
    return made
