"""Streets: stretches that run on straight through a junction share a name."""

import numpy as np

from ingest.exercise.roads import COMMUNAL, CYCLE, MOTORWAY, NATIONAL, PATH, Net
from ingest.exercise.shapes import Indices
from ingest.exercise.territory import COMMUNES

STRAIGHT = -0.72
"""Cosine between two stretches seen from their junction under which one continues the other."""

WORDS = (
    "des Acacias", "de l'Alouette", "des Aubépines", "du Bassin", "des Béguines", "du Bois l'Abbé",
    "de la Briqueterie", "du Calvaire", "des Carriers", "du Centre", "des Champs", "de la Chapelle", "du Château",
    "du Chêne", "des Combattants", "du Cornouiller", "de la Croix", "des Écoles", "de l'Église", "des Érables",
    "de l'Étang", "du Fagot", "de la Ferme", "de la Fontaine", "du Forgeron", "du Four", "des Frênes", "de la Gare",
    "des Genêts", "du Grand Pré", "de la Grotte", "du Hameau", "de la Haie", "de la Hêtraie", "des Houblons",
    "de l'Industrie", "des Jardins", "du Lavoir", "des Lilas", "de la Limite", "du Marais", "du Maréchal-ferrant",
    "des Marronniers", "de la Mésange", "du Moulin", "des Moissons", "du Noyer", "de l'Orme", "du Panorama",
    "de la Paroisse", "du Passage", "des Peupliers", "de la Pierre", "de la Place", "du Pont", "du Potier",
    "des Prés", "du Puits", "du Ruisseau", "de la Sablière", "des Saules", "de la Station", "du Sentier vert",
    "des Tanneurs", "de la Tannerie", "des Tilleuls", "du Tumulus", "de la Vallée", "du Verger", "des Vergers",
    "de la Victoire", "du Vieux Chemin", "des Vignes", "du Village", "de la Wallonie", "du Wérihet",
)  # fmt: skip
IN_TOWN = ("Rue", "Rue", "Rue", "Rue", "Avenue", "Place", "Clos", "Ruelle")
OUTSIDE = ("Rue", "Chemin", "Chemin", "Voie")


def street_names(net: Net, commune: Indices, rng: np.random.Generator) -> tuple[list[int], list[str | None]]:
    """The number of the street of each stretch, and its name; motorways, paths and some tracks have none."""
    street = _streets(net)
    names: dict[int, str | None] = {}
    found: list[str | None] = []
    draws = rng.integers(0, 1 << 30, (int(max(street)) + 1, 3)).tolist()
    size = np.hypot(*(net.nodes[net.edges[:, 0]] - net.nodes[net.edges[:, 1]]).T).tolist()
    for edge, root in enumerate(street):
        if root not in names:
            names[root] = _name(int(net.grade[edge]), size[edge] < 200, int(commune[edge]), draws[root])
        found.append(names[root])
    return street, found


def _name(grade: int, dense: bool, commune: int, draw: list[int]) -> str | None:
    word = WORDS[draw[0] % len(WORDS)]
    if grade in (MOTORWAY, CYCLE):
        return None
    if grade == NATIONAL:
        return f"Route de {COMMUNES[commune].name}"
    if grade == COMMUNAL:
        kinds = IN_TOWN if dense else OUTSIDE
        return f"{kinds[draw[1] % len(kinds)]} {word}"
    if grade == PATH:
        return f"Sentier {word}" if draw[2] % 3 == 0 else None
    return f"Chemin {word}" if draw[2] % 2 else None


def _streets(net: Net) -> list[int]:
    """Join, at every junction, the pairs of stretches of one class that continue each other best."""
    root = list(range(len(net.edges)))

    def find(edge: int) -> int:
        while root[edge] != edge:
            root[edge] = root[root[edge]]
            edge = root[edge]
        return edge

    ends: list[list[tuple[int, float, float]]] = [[] for _ in range(len(net.nodes))]
    ways = net.nodes[net.edges[:, 1]] - net.nodes[net.edges[:, 0]]
    ways = ways / np.hypot(ways[:, 0], ways[:, 1])[:, None]
    for edge, ((a, b), (x, y)) in enumerate(zip(net.edges.tolist(), ways.tolist(), strict=True)):
        ends[a].append((edge, x, y))
        ends[b].append((edge, -x, -y))
    grade = net.grade.tolist()
    for meeting in ends:
        pairs = sorted(
            (x1 * x2 + y1 * y2, one, other)
            for one, x1, y1 in meeting
            for other, x2, y2 in meeting
            if one < other and grade[one] == grade[other]
        )
        used: set[int] = set()
        for bend, one, other in pairs:
            if bend < STRAIGHT and not used & {one, other}:
                used |= {one, other}
                root[find(one)] = find(other)
    return [find(edge) for edge in range(len(net.edges))]
