"""The exercise: fictional crisis data around Huy and Waremme, drawn by calculation from a seed.

``generate`` writes one GeoPackage a layer (``<folder>/<layer id>.gpkg``, one layer of the same name, EPSG:31370)
with the field names and codes of the real sources, for the ordinary loader. Names of communes and of the larger
rivers, INS codes and the rough positions of towns are real; every outline, course, alignment, zone, company and
station is not. Keys say so: texts begin with "EX-", numbers are 900 000 001 and up (communes keep their INS code).

Fields that the real source is not known to have are kept few, or begin with "EX_": those of ``communes``,
``runoff_axes``, ``flooded_2021_07`` and ``nuclear_zones`` are the exercise's own. The spelling of TYPEALEA, VALEUR
and of CODEALEA 2 to 4 in the real layer is unconfirmed, and RGB holds the exercise's colours, not the legend's.
"""

from collections.abc import Callable
from pathlib import Path

from ingest.exercise.communes import draw_land
from ingest.exercise.flood import draw_hazard, draw_observed
from ingest.exercise.mobility import ravel_sheet, regional_roads_sheet, roads_sheet
from ingest.exercise.places import draw_places
from ingest.exercise.rivers import draw_rivers
from ingest.exercise.roads import draw_motorways, draw_roads
from ingest.exercise.sites import communes_sheet, nuclear_sheet, seveso_sheets
from ingest.exercise.table import Sheet
from ingest.exercise.water import axes_sheet, hazard_sheet, hydrography_sheet, observed_sheet, stations_sheet

__all__ = ["LAYERS", "generate"]

LAYERS = (
    "communes",
    "flood_hazard",
    "runoff_axes",
    "flooded_2021_07",
    "seveso_sites",
    "seveso_zones",
    "regional_roads",
    "roads",
    "ravel",
    "hydrography",
    "water_stations",
    "nuclear_zones",
)


def generate(
    folder: Path,
    *,
    seed: int = 2021,
    scale: float = 1.0,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, Path]:
    """Write the source files of the exercise and say where each layer's is.

    The same seed and scale give the same rows. ``scale`` is the density of what is drawn, 1 being the full exercise;
    ``progress`` is told the part at work and the share done, 0 to 1. Files that are there are replaced.
    """
    told = progress or (lambda part, share: None)
    folder.mkdir(parents=True, exist_ok=True)
    sheets = _draw(seed, scale, told)
    paths = {layer: folder / f"{layer}.gpkg" for layer in LAYERS}
    for number, layer in enumerate(LAYERS):
        told(layer, 0.7 + 0.3 * number / len(LAYERS))
        sheets[layer].write(paths[layer], layer)
    told("exercise", 1.0)
    return paths


def _draw(seed: int, scale: float, told: Callable[[str, float], None]) -> dict[str, Sheet]:
    told("communes", 0.0)
    land = draw_land(seed)
    told("hydrography", 0.03)
    rivers = draw_rivers(land, seed, scale)
    told("flood_hazard", 0.15)
    hazard = draw_hazard(land, rivers, seed, scale)
    observed = draw_observed(land, rivers, seed, scale)
    told("roads", 0.45)
    places = draw_places(land, rivers, seed)
    net = draw_roads(land, rivers, places, draw_motorways(land, seed), seed, scale)
    told("roads", 0.6)
    sites, zones = seveso_sheets(rivers, seed)
    return {
        "communes": communes_sheet(land),
        "flood_hazard": hazard_sheet(hazard),
        "runoff_axes": axes_sheet(rivers.valleys),
        "flooded_2021_07": observed_sheet(observed),
        "seveso_sites": sites,
        "seveso_zones": zones,
        "regional_roads": regional_roads_sheet(net),
        "roads": roads_sheet(land, net, seed),
        "ravel": ravel_sheet(land, rivers, seed),
        "hydrography": hydrography_sheet(land, rivers, seed),
        "water_stations": stations_sheet(land, rivers, seed),
        "nuclear_zones": nuclear_sheet(),
    }
