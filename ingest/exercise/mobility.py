"""Source files about ways: road axes, regional roads, RAVeL."""

from itertools import pairwise
from typing import Any

import numpy as np
import shapely

from ingest.exercise.communes import Land
from ingest.exercise.rivers import MEUSE, Rivers
from ingest.exercise.roads import COMMUNAL, CYCLE, MOTORWAY, NATIONAL, NO_ROUTE, PATH, TRACK, Net
from ingest.exercise.shapes import Indices, Points, dice, fractal, lengths, lines_of, normals, rounded, spaced
from ingest.exercise.street_names import street_names
from ingest.exercise.table import Sheet, numbers, same
from ingest.exercise.territory import COMMUNES, MOTORWAYS, NATIONALS

KINDS = {
    MOTORWAY: "Autoroute", NATIONAL: "Nationale", COMMUNAL: "Communale", TRACK: "Chemin ou sentier", PATH: "Sentier",
    CYCLE: "Piste cyclable",
}  # fmt: skip
KIND_CODES = {NATIONAL: "NTL", COMMUNAL: "VCO", TRACK: "CHA"}
"""The codes that are known; the other kinds have none in the exercise."""

WALTO = {COMMUNAL: "WT_L_0001", TRACK: "WT_L_0070"}
ROUTES = MOTORWAYS + NATIONALS
SECTION = 2_200.0
"""Length at which a regional road is cut into sections, metres."""


def roads_sheet(land: Land, net: Net, seed: int) -> Sheet:
    count = len(net.edges)
    grades, routes = net.grade.tolist(), net.route.tolist()
    first, second = _communes(land, net)
    streets, names = street_names(net, first, dice(seed, "streets"))
    region = [grade in (MOTORWAY, NATIONAL) for grade in grades]
    voirie = [None if route == NO_ROUTE else ROUTES[route].number for route in routes]
    return Sheet(
        lines_of(net.curves),
        {
            "OBJECTID": ("int", numbers(count)),
            "GEOREF_ID": ("text", [f"EX-VOIRIE-{number:07d}" for number in range(1, count + 1)]),
            "NATUR_CODE": ("text", [KIND_CODES.get(grade) for grade in grades]),
            "NATUR_DESC": ("text", [KINDS[grade] for grade in grades]),
            "TYPE_CODE": ("text", same(None, count)),
            "TYPE_DESC": ("text", same(None, count)),
            "GESTION": ("text", ["Service public de Wallonie" if owned else "Commune" for owned in region]),
            "RUE_NOM1": ("text", names),
            "RUE_NOM2": ("text", same(None, count)),
            "COMMU_NOM1": ("text", [COMMUNES[index].name for index in first.tolist()]),
            "COMMU_NOM2": ("text", [COMMUNES[index].name if index >= 0 else None for index in second.tolist()]),
            "COMMU_INS1": ("text", [COMMUNES[index].ins for index in first.tolist()]),
            "COMMU_INS2": ("text", [COMMUNES[index].ins if index >= 0 else None for index in second.tolist()]),
            "ICARRUEID1": (
                "text",
                [f"EX-{street:07d}" if name else None for street, name in zip(streets, names, strict=True)],
            ),
            "ICARRUEID2": ("text", same(None, count)),
            "CODE_WALTO": ("text", [WALTO.get(grade) for grade in grades]),
            "VOIRIE_NOM": ("text", voirie),
            "SENS_BK": ("text", ["CD" if number else None for number in voirie]),
            "NIVEAU": ("int", net.bridge.astype(int).tolist()),
            "AMENAG": ("text", same(None, count)),
            "BDR_ID": ("text", [_register(number) if number else None for number in voirie]),
        },
    )


def _register(number: str) -> str:
    return f"{number[0]}{int(number[1:]):03d}000"


def _communes(land: Land, net: Net) -> tuple[Indices, Indices]:
    """The commune a stretch lies in, and the other one where it crosses a border (else -1)."""
    a = land.commune_near(net.nodes[net.edges[:, 0]])
    b = land.commune_near(net.nodes[net.edges[:, 1]])
    return a, np.where(a == b, -1, b)


def regional_roads_sheet(net: Net) -> Sheet:
    lines: list[Any] = []
    route: list[int] = []
    for number in range(len(ROUTES)):
        curves = [net.curves[edge] for edge in np.flatnonzero(net.route == number).tolist()]
        if not curves:
            continue
        merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(lines_of(curves))))
        sections = [part for line in shapely.normalize(merged) for part in _sections(shapely.get_coordinates(line))]
        lines += sections
        route += [number] * len(sections)
    motorway = [number < len(MOTORWAYS) for number in route]
    return Sheet(
        lines_of(lines),
        {
            "OBJECTID": ("int", numbers(len(lines))),
            "NUMERO_ROUTE": ("text", [ROUTES[number].number for number in route]),
            "CODE_ROUTE": ("text", [ROUTES[number].number for number in route]),
            "NOM_ROUTE": ("text", [f"{ROUTES[number].name} (exercice)" for number in route]),
            "LONGUEUR_GESTION": ("real", [round(float(lengths(line)[-1]), 1) for line in lines]),
            "TYPE_DESC": ("text", ["Autoroute" if fast else "Nationale" for fast in motorway]),
        },
    )


def _sections(line: Points, length: float = SECTION) -> list[Points]:
    """Cut a line at vertices about every ``length`` metres."""
    along = lengths(line)
    count = max(1, round(along[-1] / length))
    cuts = np.unique(np.searchsorted(along, np.linspace(0, along[-1], count + 1)[1:-1]))
    stops = [0, *(int(cut) for cut in cuts if 0 < cut < len(line) - 1), len(line) - 1]
    return [line[a : b + 1] for a, b in pairwise(stops) if b > a]


WAYS: tuple[tuple[str, str, str, str, tuple[tuple[float, float], ...]], ...] = (
    ("RAVeL de la Meuse", "EXM", "Ouvert", "Chemin de halage", ()),
    ("Ligne d'exercice 1 (Hannut – Huy)", "EX1", "Ouvert", "Ancienne voie ferrée", (
        (200300, 151200), (203300, 148600), (205600, 146000), (207150, 143300), (206350, 141900), (206900, 139800),
        (208050, 137900), (209900, 136700), (211000, 135450),
    )),
    ("Ligne d'exercice 2 (Huy – Clavier)", "EX2", "Tracé arrêté", "Ancienne voie ferrée", (
        (211900, 134300), (212000, 132800), (213100, 131500), (213900, 129500), (215500, 126600), (217500, 123300),
        (219700, 121400),
    )),
    ("Ligne d'exercice 3 (Waremme – Oreye)", "EX3", "Ouvert", "Ancien chemin de fer vicinal", (
        (212800, 154300), (215300, 156300), (217500, 157700), (219700, 158600), (222900, 160000),
    )),
    ("Ligne d'exercice 4 (Ourthe)", "EX4", "Ouvert", "Chemin de halage", (
        (231600, 121300), (232500, 123900), (232750, 126500), (234300, 128300), (235450, 130100),
    )),
    ("Ligne d'exercice 5 (Hannut – Lincent)", "EX5", "Projet", "Ancienne voie ferrée", (
        (199900, 151700), (198900, 153600), (197300, 155700), (196300, 157500),
    )),
    ("Ligne d'exercice 6 (Condroz)", "EX6", "Potentiel", "Ancien chemin de fer vicinal", (
        (219900, 121800), (223000, 123800), (227800, 125700), (231400, 130600),
    )),
    ("Ligne d'exercice 7 (plateau hesbignon)", "EX7", "Potentiel", "Chemin agricole", (
        (205100, 146900), (208500, 148800), (212900, 150200), (217100, 149300), (222600, 151000),
    )),
)  # fmt: skip

SURFACES = (("Béton", "Revêtu"), ("Asphalte", "Revêtu"), ("Dolomie", "Non revêtu"))


def ravel_sheet(land: Land, rivers: Rivers, seed: int) -> Sheet:
    rng = dice(seed, "ravel")
    lines, way = [], []
    for index, (*_, near) in enumerate(WAYS):
        course = _towpath(rivers) if not near else _old_line(np.array(near, dtype=np.float64), rng)
        parts = _sections(course, 340.0)
        kept = [part for part in parts if shapely.intersects(shapely.linestrings(part), land.around)]
        lines += kept
        way += [index] * len(kept)
    count = len(lines)
    state = [WAYS[index][2] for index in way]
    opened = [status == "Ouvert" for status in state]
    surface = rng.integers(0, 3, len(WAYS) * 40)
    kinds = [SURFACES[surface[40 * index + position // 9 % 40]] for position, index in enumerate(way)]
    return Sheet(
        lines_of(lines),
        {
            "ID_SEGM": ("text", [f"EX-RAVEL-{number:04d}" for number in range(1, count + 1)]),
            "NOM": ("text", [f"{WAYS[index][0]} (exercice)" if not index else WAYS[index][0] for index in way]),
            "ACRONYME": ("text", [WAYS[index][1] for index in way]),
            "STATUT": ("text", ["RAVeL (exercice)" if is_open else "À l'étude (exercice)" for is_open in opened]),
            "AVANCEMENT": ("text", state),
            "AN_OUVERT": ("int", [2004 + 2 * index if ok else None for ok, index in zip(opened, way, strict=True)]),
            "SENSUNIQUE": ("text", same("Faux", count)),
            "REVETEMENT": ("text", [kind if ok else None for ok, (kind, _) in zip(opened, kinds, strict=True)]),
            "REVETEMENT_TYPE": ("text", [kind if ok else None for ok, (_, kind) in zip(opened, kinds, strict=True)]),
            "JALONNE": ("text", ["Vrai" if is_open else "Faux" for is_open in opened]),
            "LARGEUR": (
                "real",
                [(3.0, 2.5, 2.0)[index % 3] if ok else None for ok, index in zip(opened, way, strict=True)],
            ),
            "ORIGIN_HIS": ("text", [WAYS[index][3] for index in way]),
            "GESTION": ("text", ["Service public de Wallonie" if index < 5 else "Commune" for index in way]),
        },
    )


def _towpath(rivers: Rivers) -> Points:
    meuse = spaced(rivers.courses[MEUSE], 260)
    return np.round(spaced(rounded(meuse - normals(meuse) * 82, 3), 45), 2)


def _old_line(near: Points, rng: np.random.Generator) -> Points:
    bent = fractal(near[:-1], near[1:], rng, depth=1, roughness=0.05)
    line = np.concatenate([bent[:, :-1].reshape(-1, 2), near[-1:]])
    return np.round(spaced(rounded(line, 4), 55), 2)
