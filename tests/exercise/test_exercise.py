"""The exercise: drawn again from its seed, whole, and saying that it is fictional."""

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pytest
import shapely
from pyproj import Transformer

from ingest.exercise import LAYERS, generate
from ingest.exercise.communes import draw_land
from ingest.exercise.table import FIRST
from ingest.exercise.territory import EXTENT

SMALL = 0.04
REPOSITORY = Path(__file__).parents[2]
TIHANGE = (214_100, 136_350)

HUY = "61003 61010 61012 61019 61024 61028 61031 61039 61041 61043 61048 61063 61068 61072 61079 61080 61081"
WAREMME = "64008 64015 64021 64023 64025 64029 64034 64047 64056 64063 64065 64074 64075 64076"
INS_CODES = [*HUY.split(), *WAREMME.split()]

FIELDS = {
    "communes": "INS NOM ARRONDISSEMENT ZONE_SECOURS EX_NOTE",
    "flood_hazard": "OBJECTID LOCALID TYPEALEA CODEALEA VALEUR CLASSEMENT RGB STATUS DECISION MILLESIME",
    "runoff_axes": "OBJECTID CLASSE",
    "flooded_2021_07": "OBJECTID SOURCE",
    "seveso_sites": "OBJECTID SOC_NOM SEUIL_DESC EX_NOTE",
    "seveso_zones": "OBJECTID REF_SEVESO EX_SEUIL EX_NOTE",
    "regional_roads": "OBJECTID NUMERO_ROUTE CODE_ROUTE NOM_ROUTE LONGUEUR_GESTION TYPE_DESC",
    "roads": "OBJECTID GEOREF_ID NATUR_CODE NATUR_DESC TYPE_CODE TYPE_DESC GESTION RUE_NOM1 RUE_NOM2 COMMU_NOM1 "
    "COMMU_NOM2 COMMU_INS1 COMMU_INS2 ICARRUEID1 ICARRUEID2 CODE_WALTO VOIRIE_NOM SENS_BK NIVEAU AMENAG BDR_ID",
    "ravel": "ID_SEGM NOM ACRONYME STATUT AVANCEMENT AN_OUVERT SENSUNIQUE REVETEMENT REVETEMENT_TYPE JALONNE LARGEUR "
    "ORIGIN_HIS GESTION",
    "hydrography": "OBJECTID SEGMENT_ID SEGMENT_VERSION FROM_POINT_ID TO_POINT_ID GEOM_DATE GEOM_SOURCE "
    "GEOM_SOURCE_DESC GEOM_PRECISION ORIENT ORI CATEG CATEG_DESC NOMA NOMB NUMATLAS NUMATLAS2 SAV SAV_DESC ANCINS1 "
    "ANCINS2 NOVINS1 NOVINS2 ANCOM1 ANCOM2 NEWCOM1 NEWCOM2 ID_BASSIN_PG NOM_BASSIN_PG ID_BASSIN_PR NOM_BASSIN_PR "
    "LONGUEUR",
    "water_stations": "station_no station_name station_latitude station_longitude station_local_x station_local_y "
    "river_name site_no station_gauge_datum CATCHMENT_SIZE",
    "nuclear_zones": "ID NOM ZONE RAYON_KM NOTE",
}
KEYS = {
    "flood_hazard": "LOCALID",
    "runoff_axes": "OBJECTID",
    "flooded_2021_07": "OBJECTID",
    "seveso_sites": "OBJECTID",
    "seveso_zones": "REF_SEVESO",
    "regional_roads": "OBJECTID",
    "roads": "GEOREF_ID",
    "ravel": "ID_SEGM",
    "hydrography": "SEGMENT_ID",
    "water_stations": "station_no",
    "nuclear_zones": "ID",
}
SHAPES = {
    "Polygon": {"communes", "flood_hazard", "flooded_2021_07", "seveso_zones", "nuclear_zones"},
    "LineString": {"runoff_axes", "regional_roads", "roads", "ravel", "hydrography"},
    "Point": {"seveso_sites", "water_stations"},
}

Frames = Mapping[str, geopandas.GeoDataFrame]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return generate(tmp_path_factory.mktemp("exercise"), scale=SMALL)


@pytest.fixture(scope="module")
def frames(paths: dict[str, Path]) -> Frames:
    return {layer: geopandas.read_file(path) for layer, path in paths.items()}


def digest(frame: geopandas.GeoDataFrame) -> str:
    rows = frame.drop(columns="geometry").to_json(orient="values")
    return hashlib.sha256(rows.encode() + b"".join(frame.geometry.to_wkb())).hexdigest()


def test_the_same_seed_draws_the_same_rows(frames: Frames, tmp_path: Path) -> None:
    shares: list[float] = []
    again = generate(tmp_path, scale=SMALL, progress=lambda part, share: shares.append(share))
    assert {layer: digest(geopandas.read_file(path)) for layer, path in again.items()} == {
        layer: digest(frame) for layer, frame in frames.items()
    }
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1


def test_another_seed_draws_other_borders() -> None:
    assert not shapely.equals(draw_land(2021).whole, draw_land(7).whole)


def test_every_layer_has_the_fields_of_its_source(frames: Frames) -> None:
    assert {layer: " ".join(frame.columns.drop("geometry")) for layer, frame in frames.items()} == FIELDS
    assert tuple(FIELDS) == LAYERS


def test_the_layer_files_know_every_field_and_code_the_exercise_writes(frames: Frames) -> None:
    wrong = []
    for layer, frame in frames.items():
        described = tomllib.loads((REPOSITORY / "layers" / f"{layer}.toml").read_text())
        for field in described["field"]:
            source = field.get("source", field["name"])
            if source not in frame.columns:
                wrong.append((layer, source))
            elif field.get("code"):
                written = {str(value) for value in frame[source].dropna()} - {" ", "."}
                wrong += [(layer, source, value) for value in written - {code["source"] for code in field["code"]}]
        if described["source"]["key"] not in frame.columns:
            wrong.append((layer, described["source"]["key"]))
    assert wrong == []


def test_every_shape_is_valid_simple_of_one_type_and_inside_the_territory(frames: Frames) -> None:
    envelope = shapely.box(*EXTENT)
    for layer, frame in frames.items():
        shapes = frame.geometry.to_numpy()
        expected = next(kind for kind, layers in SHAPES.items() if layer in layers)
        assert frame.crs.to_epsg() == 31370, layer
        assert set(frame.geom_type) == {expected}, layer
        assert shapely.is_valid(shapes).all(), layer
        assert shapely.is_simple(shapes).all(), layer
        assert shapely.contains(envelope, shapes).all(), layer


def test_no_key_can_be_taken_for_a_real_one(frames: Frames) -> None:
    for layer, key in KEYS.items():
        values = frames[layer][key]
        assert values.is_unique, layer
        if pandas.api.types.is_integer_dtype(values):
            assert (values >= FIRST).all(), layer
        else:
            assert values.str.startswith("EX-").all(), layer
        if "OBJECTID" in frames[layer]:
            assert (frames[layer]["OBJECTID"] >= FIRST).all(), layer


def test_the_communes_are_the_31_with_their_codes_and_rescue_zones(frames: Frames) -> None:
    communes = frames["communes"].set_index("INS")
    assert sorted(communes.index) == INS_CODES
    assert communes.ARRONDISSEMENT.value_counts().to_dict() == {"Huy": 17, "Waremme": 14}
    assert communes.ZONE_SECOURS.value_counts().to_dict() == {"HEMECO": 14, "Hesbaye": 13, "Liège zone 2 – IILE": 4}
    assert communes.loc["61031", "NOM"] == "Huy"
    assert communes.geometry["61031"].contains(shapely.Point(211_378, 134_318))
    assert shapely.coverage_is_valid(communes.geometry.to_numpy())


def test_hazard_pieces_share_borders_exactly_and_never_overlap(frames: Frames) -> None:
    pieces = frames["flood_hazard"].geometry.to_numpy()
    assert shapely.coverage_is_valid(pieces)
    assert shapely.area(shapely.coverage_union_all(pieces)) == pytest.approx(shapely.area(pieces).sum())


def test_hazard_codes_say_one_thing(frames: Frames) -> None:
    hazard = frames["flood_hazard"]
    rows = hazard[["CLASSEMENT", "TYPEALEA", "CODEALEA", "VALEUR"]].drop_duplicates().itertuples(index=False)
    causes = {1: "débordement", 2: "ruissellement", 3: "débordement et ruissellement"}
    labels = {1: "Aléa faible", 2: "Aléa moyen", 3: "Aléa élevé"}
    assert sorted(tuple(row) for row in rows) == [
        (100 * cause + 10 * level, causes[cause], level + 1, labels[level]) for cause in causes for level in labels
    ]
    assert hazard.groupby("VALEUR").RGB.nunique().tolist() == [1, 1, 1]


def test_overflow_hazard_is_nested_round_the_water(frames: Frames) -> None:
    hazard = frames["flood_hazard"]
    overflow = hazard[hazard.TYPEALEA == "débordement"]
    water = shapely.STRtree(frames["hydrography"].geometry.to_numpy())
    inner = shapely.point_on_surface(overflow.geometry.to_numpy())
    away = shapely.distance(inner, water.geometries[water.nearest(inner)])
    low, medium, high = (float(np.median(away[overflow.CODEALEA.to_numpy() == code])) for code in (2, 3, 4))
    assert high < medium < low


def test_the_road_net_is_one_connected_graph_whose_ends_touch_exactly(frames: Frames) -> None:
    lines = frames["roads"].geometry.to_numpy()
    ends = shapely.get_coordinates([shapely.get_point(lines, 0), shapely.get_point(lines, -1)]).reshape(2, -1, 2)
    _, node = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    first, last = node[: len(lines)], node[len(lines) :]
    label = np.arange(node.max() + 1)
    while True:
        lowest = np.minimum(label[first], label[last])
        before = label.copy()
        np.minimum.at(label, first, lowest)
        np.minimum.at(label, last, lowest)
        if np.array_equal(before, label):
            break
    assert set(label) == {0}
    assert {"Autoroute", "Nationale", "Communale", "Chemin ou sentier", "Sentier"} <= set(frames["roads"].NATUR_DESC)
    assert set(frames["roads"].COMMU_INS1) <= set(INS_CODES)


def test_water_flows_from_point_to_point_and_ends_where_another_begins(frames: Frames) -> None:
    water = frames["hydrography"]
    spots: dict[int, set[tuple[float, float]]] = {}
    for row in water.itertuples():
        spots.setdefault(row.FROM_POINT_ID, set()).add(row.geometry.coords[0])
        spots.setdefault(row.TO_POINT_ID, set()).add(row.geometry.coords[-1])
    assert all(len(places) == 1 for places in spots.values())
    tributaries = water[~water.CATEG.isin(["NA", "01"])]
    assert tributaries.TO_POINT_ID.isin(water.FROM_POINT_ID).mean() > 0.9
    assert {"NA", "01", "02"} <= set(water.CATEG) <= {"NA", "01", "02", "03", "NC"}
    assert {"Meuse", "Mehaigne", "Hoyoux", "Geer"} <= set(water.NOMA)


def test_planning_zones_are_nested_share_borders_and_are_not_those_of_tihange(frames: Frames) -> None:
    zones = frames["nuclear_zones"]
    assert shapely.coverage_is_valid(zones.geometry.to_numpy())
    assert set(zones.NOTE) == {"Zones fictives d'exercice, sans rapport avec un site réel"}
    assert shapely.area(zones.union_all()) == pytest.approx(zones.area.sum())
    centre = zones[zones.ZONE == "réflexe"].geometry.iloc[0].centroid
    assert centre.distance(shapely.Point(TIHANGE)) > 10_000


def test_each_establishment_stands_in_its_zone_and_says_it_is_an_exercise(frames: Frames) -> None:
    sites, zones = frames["seveso_sites"], frames["seveso_zones"]
    assert len(sites) >= 12
    assert zones.geometry.contains(sites.geometry).all()
    assert sites.SOC_NOM.str.endswith("(exercice)").all()
    assert set(sites.SEUIL_DESC.str[:10]) == {"Seuil haut", "Seuil bas "}


def test_station_degrees_and_metres_are_one_place(frames: Frames) -> None:
    stations = frames["water_stations"]
    x, y = Transformer.from_crs(4326, 31370, always_xy=True).transform(
        stations.station_longitude.to_numpy(), stations.station_latitude.to_numpy()
    )
    assert np.abs(x - stations.geometry.x).max() < 0.2
    assert np.abs(y - stations.geometry.y).max() < 0.2
    assert (stations.geometry.x == stations.station_local_x).all()


@pytest.mark.long
def test_the_full_exercise_is_large_enough_to_convince(tmp_path: Path) -> None:
    frames = {layer: geopandas.read_file(path) for layer, path in generate(tmp_path).items()}
    pieces = frames["flood_hazard"].geometry.to_numpy()
    assert 8_000 < len(pieces) < 15_000
    assert shapely.get_num_coordinates(pieces).sum() > 50_000
    assert shapely.coverage_is_valid(pieces)
    assert 25_000 < len(frames["roads"]) < 40_000
    assert 1_400 < len(frames["hydrography"]) < 2_500
    assert set(frames["hydrography"].CATEG) == {"NA", "01", "02", "03", "NC"}
    assert " " in set(frames["hydrography"].NOMA)
    assert 200 < len(frames["ravel"]) < 800
    for layer in ("roads", "hydrography", "runoff_axes", "ravel", "regional_roads"):
        assert shapely.is_simple(frames[layer].geometry.to_numpy()).all(), layer
