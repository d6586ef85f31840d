"""Source files about risk: Seveso-like establishments with their zones, and nuclear-style planning zones."""

import numpy as np
import shapely

from ingest.exercise.communes import Land
from ingest.exercise.rivers import MEUSE, Rivers
from ingest.exercise.shapes import Geometries, Noise, Points, dice, lengths, normals
from ingest.exercise.table import NOTE, Sheet, numbers, same
from ingest.exercise.territory import COMMUNES

ESTABLISHMENTS = (
    ("Chimie du Rivage", True), ("Engrais du Val", True), ("Dépôt pétrolier des Trois Quais", True),
    ("Gaz liquéfiés de la Boucle", False), ("Solvants Condruze", True), ("Entrepôts du Pont Neuf", False),
    ("Zinc et Dérivés", True), ("Peintures Bellerive", False), ("Explosifs de carrière Hautebise", False),
    ("Sucrerie des Plaines", False), ("Logistique du Plateau", False), ("Phytosanitaires Hesbignons", True),
    ("Traitement de surface Arlequin", False),
)  # fmt: skip

BY_THE_MEUSE = (
    (0.3, 340),
    (0.38, -330),
    (0.56, 330),
    (0.61, -360),
    (0.68, 420),
    (0.75, 340),
    (0.79, 520),
    (0.84, -330),
)
"""Along the Meuse: share of its length, and metres to the left bank (right where negative)."""

INLAND = ((214_350, 142_350), (213_900, 155_600), (199_300, 152_900), (222_700, 155_300), (226_900, 131_400))

CENTRE = (206_400.0, 149_600.0)
"""The centre of the planning zones: a field, chosen for being none of a real installation."""

RINGS = ((3.0, "réflexe", 1), (8.0, "évacuation", 8), (14.0, "mise à l'abri", 8))
"""Outer radius in km, zone, number of sectors. Neither the radii nor the sectors are those of a real plan."""

STEPS = 144
"""Vertices of a whole circle; a multiple of every number of sectors, so that neighbours share vertices."""

FICTION = "Zones fictives d'exercice, sans rapport avec un site réel"


def seveso_sheets(rivers: Rivers, seed: int) -> tuple[Sheet, Sheet]:
    """The establishments (points) and their zones (polygons), in the same order."""
    rng = dice(seed, "sites")
    spots = _spots(rivers)
    upper = [threshold for _, threshold in ESTABLISHMENTS]
    count = len(spots)
    sites = Sheet(
        shapely.points(spots),
        {
            "OBJECTID": ("int", numbers(count)),
            "SOC_NOM": ("text", [f"{name} (exercice)" for name, _ in ESTABLISHMENTS]),
            "SEUIL_DESC": ("text", [f"Seuil {'haut' if high else 'bas'} (exercice)" for high in upper]),
            "EX_NOTE": ("text", same("Exercice : établissement fictif", count)),
        },
    )
    zones = Sheet(
        _zones(spots, np.where(upper, 620.0, 330.0) * rng.uniform(0.85, 1.25, count), rng),
        {
            "OBJECTID": ("int", numbers(count)),
            "REF_SEVESO": ("int", numbers(count)),
            "EX_SEUIL": ("text", [f"Seuil {'haut' if high else 'bas'}" for high in upper]),
            "EX_NOTE": ("text", same("Exercice : zone fictive autour d'un établissement fictif", count)),
        },
    )
    return sites, zones


def _spots(rivers: Rivers) -> Points:
    meuse = rivers.courses[MEUSE]
    along, left = lengths(meuse), normals(meuse)
    banks = []
    for share, side in BY_THE_MEUSE:
        vertex = int(np.searchsorted(along, share * along[-1]))
        banks.append(meuse[vertex] + left[vertex] * side)
    return np.round(np.concatenate([np.array(banks), np.array(INLAND, dtype=np.float64)]), 2)


def _zones(spots: Points, radii: Points, rng: np.random.Generator) -> Geometries:
    """Stretched, uneven rounds; the same outline seen from each site, so that they stay simple."""
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    ring = np.column_stack([np.cos(turn), np.sin(turn)])
    shapes = []
    for spot, radius in zip(spots, radii, strict=True):
        uneven = 1 + 0.14 * np.clip(Noise.draw(rng, 3.5, octaves=2).at(ring), -2, 2)
        stretch = 1 + 0.25 * np.cos(turn - rng.uniform(0, 2 * np.pi))
        shapes.append(shapely.Polygon(np.round(spot + ring * (radius * uneven * stretch)[:, None], 2)))
    return np.array(shapes)


def nuclear_sheet() -> Sheet:
    """Nested rings cut into sectors, sharing their borders vertex for vertex."""
    turn = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    unit = np.column_stack([np.sin(turn), np.cos(turn)])
    circles = [np.round(np.array(CENTRE) + unit * radius * 1_000, 2) for radius, _, _ in RINGS]
    shapes, names, zones, radii = (
        [shapely.Polygon(circles[0])],
        ["Zone réflexe (exercice)"],
        [RINGS[0][1]],
        [RINGS[0][0]],
    )
    for inner, outer, (radius, zone, sectors) in zip(circles, circles[1:], RINGS[1:], strict=False):
        step = STEPS // sectors
        for sector in range(sectors):
            span = np.arange(sector * step, (sector + 1) * step + 1) % STEPS
            shapes.append(shapely.Polygon(np.concatenate([outer[span], inner[span[::-1]]])))
            names.append(f"Zone {zone}, secteur {sector + 1} (exercice)")
            zones.append(zone)
            radii.append(radius)
    count = len(shapes)
    return Sheet(
        np.array(shapes),
        {
            "ID": ("text", [f"EX-NUC-{number:02d}" for number in range(1, count + 1)]),
            "NOM": ("text", names),
            "ZONE": ("text", zones),
            "RAYON_KM": ("real", radii),
            "NOTE": ("text", same(FICTION, count)),
        },
    )


def communes_sheet(land: Land) -> Sheet:
    count = len(COMMUNES)
    return Sheet(
        land.cells,
        {
            "INS": ("text", [commune.ins for commune in COMMUNES]),
            "NOM": ("text", [commune.name for commune in COMMUNES]),
            "ARRONDISSEMENT": ("text", [commune.arrondissement for commune in COMMUNES]),
            "ZONE_SECOURS": ("text", [commune.zone for commune in COMMUNES]),
            "EX_NOTE": ("text", same(f"{NOTE} (contour simplifié, tracé par calcul)", count)),
        },
    )
