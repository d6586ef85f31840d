"""Source files about water: hydrography, runoff axes, flood hazard, flooded areas, stations."""

from typing import Any

import numpy as np
import shapely
from pyproj import Transformer

from ingest.exercise.communes import Land
from ingest.exercise.flood import BOTH, HIGH, LOW, MEDIUM, OVERFLOW, RUNOFF, Hazard
from ingest.exercise.rivers import Reaches, Rivers
from ingest.exercise.shapes import Geometries, Points, dice, lengths
from ingest.exercise.table import NOTE, Sheet, numbers, same
from ingest.exercise.territory import COMMUNES, RIVERS

CAUSES = {OVERFLOW: "débordement", RUNOFF: "ruissellement", BOTH: "débordement et ruissellement"}
LABELS = {LOW: "Aléa faible", MEDIUM: "Aléa moyen", HIGH: "Aléa élevé"}
COLOURS = {LOW: "255,235,120", MEDIUM: "255,160,40", HIGH: "220,40,30"}
CATEGORIES = {
    "NA": "Navigable",
    "01": "Première catégorie",
    "02": "Deuxième catégorie",
    "03": "Troisième catégorie",
    "NC": "Non classé",
}
NAMELESS = 0.45
"""Catchment, km², under which a stream has no name."""

STREAM_WORDS = ("Ruisseau", "Ry", "Fond", "Rieu", "Biez")
STREAM_NAMES = (
    "des Aulnes", "du Bois Fictif", "de la Bruyère", "du Chaufour", "des Cressons", "de la Fagne", "du Fayt",
    "de Fontenelle", "des Grives", "du Haut Pré", "de la Houssaie", "du Lavoir", "des Libellules", "de la Loutre",
    "du Martinet", "des Meules", "du Moulin Perdu", "de la Noue", "des Osiers", "du Petit Étang", "de la Prairie",
    "des Renoncules", "du Rond Chêne", "de Sainte-Fictive", "des Saules", "du Sourd Val", "de la Vaux", "du Vieux Gué",
)  # fmt: skip


def hazard_sheet(hazard: Hazard) -> Sheet:
    count = len(hazard.pieces)
    levels, causes = hazard.level.tolist(), hazard.cause.tolist()
    return Sheet(
        hazard.pieces,
        {
            "OBJECTID": ("int", numbers(count)),
            "LOCALID": ("text", [f"EX-ALEA-{number:07d}" for number in range(1, count + 1)]),
            "TYPEALEA": ("text", [CAUSES[cause] for cause in causes]),
            "CODEALEA": ("int", [level + 1 for level in levels]),
            "VALEUR": ("text", [LABELS[level] for level in levels]),
            "CLASSEMENT": ("int", [100 * cause + 10 * level for cause, level in zip(causes, levels, strict=True)]),
            "RGB": ("text", [COLOURS[level] for level in levels]),
            "STATUS": ("text", same("Exercice", count)),
            "DECISION": ("text", same("Exercice : sans valeur réglementaire", count)),
            "MILLESIME": ("text", same("2021", count)),
        },
    )


def observed_sheet(areas: Geometries) -> Sheet:
    source = same("Exercice : étendue fictive, tracée par calcul", len(areas))
    return Sheet(areas, {"OBJECTID": ("int", numbers(len(areas))), "SOURCE": ("text", source)})


def axes_sheet(valleys: Reaches) -> Sheet:
    classes = np.select([valleys.catchment > 0.75, valleys.catchment > 0.4], ["élevé", "moyen"], "faible").tolist()
    return Sheet(valleys.geometries(), {"OBJECTID": ("int", numbers(len(valleys))), "CLASSE": ("text", classes)})


def hydrography_sheet(land: Land, rivers: Rivers, seed: int) -> Sheet:
    streams = rivers.streams
    count = len(streams)
    categories, names = _categories(streams), _names(streams, seed)
    upper = land.commune_of(np.array([line[0] for line in streams.lines])).tolist()
    lower = land.commune_of(np.array([line[-1] for line in streams.lines])).tolist()
    crossed = [list(dict.fromkeys(index for index in pair if index >= 0)) for pair in zip(upper, lower, strict=True)]
    first = [COMMUNES[indices[0]] if indices else None for indices in crossed]
    second = [COMMUNES[indices[1]] if len(indices) == 2 else None for indices in crossed]
    text = {
        "GEOM_DATE": same("2021-03-24", count),
        "GEOM_SOURCE": same("EX", count),
        "GEOM_SOURCE_DESC": same(NOTE, count),
        "ORIENT": same("1", count),
        "ORI": same(".", count),
        "CATEG": categories,
        "CATEG_DESC": [CATEGORIES[category] for category in categories],
        "NOMA": names,
        "NOMB": same(" ", count),
        "NUMATLAS": [
            f"EX{index % 97 + 1:03d}" if category in {"02", "03"} else "." for index, category in enumerate(categories)
        ],
        "NUMATLAS2": same(" ", count),
        "SAV": same(".", count),
        "SAV_DESC": same(" ", count),
        "ANCINS1": same(".", count),
        "ANCINS2": same(".", count),
        "NOVINS1": [commune.ins if commune else "." for commune in first],
        "NOVINS2": [commune.ins if commune else " " for commune in second],
        "ANCOM1": same(".", count),
        "ANCOM2": same(".", count),
        "NEWCOM1": [commune.name if commune else "." for commune in first],
        "NEWCOM2": [commune.name if commune else " " for commune in second],
        "NOM_BASSIN_PG": same("Meuse (exercice)", count),
        "NOM_BASSIN_PR": same("Bassin d'exercice", count),
    }
    columns: dict[str, tuple[str, list[Any]]] = {
        "OBJECTID": ("int", numbers(count)),
        "SEGMENT_ID": ("int", numbers(count)),
        "SEGMENT_VERSION": ("int", same(1, count)),
        "FROM_POINT_ID": ("int", [numbers(1, node)[0] for node in streams.start.tolist()]),
        "TO_POINT_ID": ("int", [numbers(1, node)[0] for node in streams.end.tolist()]),
        "GEOM_PRECISION": ("real", same(50.0, count)),
        "ID_BASSIN_PG": ("int", numbers(1) * count),
        "ID_BASSIN_PR": ("int", numbers(1) * count),
        "LONGUEUR": ("real", [round(float(lengths(line)[-1]), 1) for line in streams.lines]),
    }
    columns |= {name: ("text", values) for name, values in text.items()}
    return Sheet(streams.geometries(), {name: columns[name] for name in HYDROGRAPHY})


HYDROGRAPHY = (
    "OBJECTID", "SEGMENT_ID", "SEGMENT_VERSION", "FROM_POINT_ID", "TO_POINT_ID", "GEOM_DATE", "GEOM_SOURCE",
    "GEOM_SOURCE_DESC", "GEOM_PRECISION", "ORIENT", "ORI", "CATEG", "CATEG_DESC", "NOMA", "NOMB", "NUMATLAS",
    "NUMATLAS2", "SAV", "SAV_DESC", "ANCINS1", "ANCINS2", "NOVINS1", "NOVINS2", "ANCOM1", "ANCOM2", "NEWCOM1",
    "NEWCOM2", "ID_BASSIN_PG", "NOM_BASSIN_PG", "ID_BASSIN_PR", "NOM_BASSIN_PR", "LONGUEUR",
)  # fmt: skip


def _categories(streams: Reaches) -> list[str]:
    own = np.select([streams.catchment > 6, streams.catchment > 1.4], ["02", "03"], "NC")
    named = np.array([river.category for river in RIVERS])[streams.river]
    categories: list[str] = np.where(streams.river >= 0, named, own).tolist()
    return categories


def _names(streams: Reaches, seed: int) -> list[str]:
    """A name per stream, carried up its larger branch from the mouth; the smallest have none."""
    rng = dice(seed, "streams")
    above: dict[int, list[int]] = {}
    for index, node in enumerate(streams.end.tolist()):
        above.setdefault(node, []).append(index)
    names = [" "] * len(streams)
    for index in np.argsort(-streams.catchment, kind="stable").tolist():
        if streams.river[index] >= 0:
            names[index] = RIVERS[streams.river[index]].name
        elif names[index] == " " and streams.catchment[index] >= NAMELESS:
            names[index] = f"{STREAM_WORDS[rng.integers(5)]} {STREAM_NAMES[rng.integers(len(STREAM_NAMES))]}"
        branches = [branch for branch in above.get(int(streams.start[index]), ()) if streams.river[branch] < 0]
        if streams.river[index] < 0 and branches and names[index] != " ":
            names[max(branches, key=lambda branch: (streams.catchment[branch], -branch))] = names[index]
    return names


GAUGES = (
    ("Meuse", 0.34, "d'amont"), ("Meuse", 0.48, "du vieux pont"), ("Meuse", 0.6, "du barrage"),
    ("Meuse", 0.86, "d'aval"), ("Mehaigne", 0.12, "des Sources"), ("Mehaigne", 0.4, "de la Prairie"),
    ("Mehaigne", 0.72, "du Rocher"), ("Mehaigne", 0.93, "du Confluent"), ("Burdinale", 0.3, "du Moulin"),
    ("Burdinale", 0.85, "du Pont"), ("Hoyoux", 0.3, "du Château"), ("Hoyoux", 0.6, "de la Papeterie"),
    ("Hoyoux", 0.9, "de la Ville"), ("Triffoys", 0.6, "du Bois"), ("Bonne", 0.7, "du Gué"),
    ("Geer", 0.2, "de la Source"), ("Geer", 0.5, "du Marais"), ("Geer", 0.8, "de la Plaine"),
    ("Yerne", 0.4, "du Verger"), ("Yerne", 0.9, "du Confluent"), ("Ourthe", 0.35, "de l'Île"),
    ("Ourthe", 0.65, "de la Falaise"), ("Néblon", 0.8, "de la Grotte"), ("Ruisseau d'Oxhe", 0.7, "du Vallon"),
    ("Henri-Fontaine", 0.5, "de la Campagne"),
)  # fmt: skip


def stations_sheet(land: Land, rivers: Rivers, seed: int) -> Sheet:
    rng = dice(seed, "stations")
    found = [_on_river(rivers, name, share) for name, share, _ in GAUGES]
    where: Points = np.stack(found).round(2)
    count = len(where)
    lon, lat = Transformer.from_crs(31370, 4326, always_xy=True).transform(where[:, 0], where[:, 1])
    communes = [COMMUNES[index].name for index in land.commune_near(where).tolist()]
    datum = np.round(rng.uniform(60, 180, count), 3)
    datum[::8] = 9999.0
    nearest = shapely.STRtree(rivers.streams.geometries()).nearest(shapely.points(where))
    return Sheet(
        shapely.points(where),
        {
            "station_no": ("text", [f"EX-{number:04d}" for number in range(1, count + 1)]),
            "station_name": (
                "text",
                [
                    f"{commune} – Station {word} (exercice)"
                    for commune, (_, _, word) in zip(communes, GAUGES, strict=True)
                ],
            ),
            "station_latitude": ("real", np.round(lat, 6).tolist()),
            "station_longitude": ("real", np.round(lon, 6).tolist()),
            "station_local_x": ("real", where[:, 0].tolist()),
            "station_local_y": ("real", where[:, 1].tolist()),
            "river_name": ("text", [name for name, _, _ in GAUGES]),
            "site_no": ("text", [f"EX-S{number:04d}" for number in range(1, count + 1)]),
            "station_gauge_datum": ("real", datum.tolist()),
            "CATCHMENT_SIZE": ("real", np.round(rivers.streams.catchment[nearest], 1).tolist()),
        },
    )


def _on_river(rivers: Rivers, name: str, share: float) -> Points:
    course = rivers.courses[[river.name for river in RIVERS].index(name)]
    along = lengths(course)
    spot: Points = course[int(np.searchsorted(along, share * along[-1]))]
    return spot
