"""The layers and styles that come with the product."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from geoserver_app.catalogue import Catalog, read_catalog
from geoserver_app.catalogue.check import check, remark
from geoserver_app.catalogue.schema import schema_text
from geoserver_app.core.access import ANONYMOUS, principal, seen_by
from geoserver_app.core.errors import UnknownLayer
from geoserver_app.settings import PACKAGE, read_settings
from tests.catalogue.folders import DELIVERED, LAYER, Folders

COMMUNES = 31
SEVERITIES = {1: "minor", 2: "moderate", 3: "severe"}


@pytest.fixture(scope="module")
def delivered() -> Catalog:
    return read_catalog(DELIVERED / "layers", DELIVERED / "styles")


def test_the_delivered_layers_are_there_and_right(delivered: Catalog) -> None:
    assert set(delivered.layers) == {
        "communes", "flood_hazard", "runoff_axes", "flooded_2021_07", "seveso_sites", "seveso_zones",
        "regional_roads", "roads", "ravel", "hydrography", "water_stations", "nuclear_zones",
    }  # fmt: skip
    assert set(delivered.styles) == set(delivered.layers)


def test_layers_come_in_the_order_of_their_groups(delivered: Catalog) -> None:
    order = [group.id for group in delivered.groups]
    places = [order.index(layer.group) for layer in delivered.layers.values()]
    assert places == sorted(places)


def test_flood_hazard_has_nine_classes_whose_severity_follows_from_the_tens(delivered: Catalog) -> None:
    layer = delivered.layers["flood_hazard"]
    codes = {code.value for code in layer.field("classement").codes}
    assert codes == {str(100 * how + 10 * level) for how in (1, 2, 3) for level in (1, 2, 3)}
    assert layer.risk is not None
    assert layer.risk.severity == {code: SEVERITIES[int(code[1])] for code in codes}
    assert layer.field("valeur").codes == ()


def test_the_31_communes_are_known_by_their_code(delivered: Catalog) -> None:
    layer = delivered.layers["communes"]
    codes = {code.value for code in layer.field("ins").codes}
    assert len(codes) == COMMUNES
    assert {code[:2] for code in codes} == {"61", "64"}
    where = delivered.layers["roads"].source
    assert where is not None
    assert where.where is not None
    assert all(where.where.count(f"'{code}'") == 2 for code in codes)


def test_what_was_not_found_is_marked_and_says_why(delivered: Catalog) -> None:
    sources = {i: layer.source for i, layer in delivered.layers.items() if layer.source}
    unconfirmed = {i for i, source in sources.items() if not source.confirmed}
    assert unconfirmed == {"communes", "runoff_axes", "flooded_2021_07", "water_stations", "nuclear_zones"}
    assert all(source.note for source in sources.values() if not source.confirmed)


def test_both_spellings_of_a_river_category_are_one_value(delivered: Catalog) -> None:
    codes = {code.source: code.value for code in delivered.layers["hydrography"].field("categ").codes}
    assert codes["01"] == codes["N1"] == "1"


def test_measured_water_levels_and_flood_scenarios_are_not_delivered(delivered: Catalog) -> None:
    urls = " ".join(layer.source.url or "" for layer in delivered.layers.values() if layer.source)
    assert "hydrometrie.wallonie.be" not in urls
    assert "/EAU/ZI/" not in urls


def test_a_layer_that_may_not_be_republished_is_seen_by_its_roles_only(folders: Folders) -> None:
    text = LAYER.replace('name = "CC BY 4.0"', 'name = "CPU type A"\nrepublish = false')
    folders.layer("hydrants", text.replace('label = "name"', 'read = ["municipality"]'))
    layer = read_catalog(folders.layers, folders.styles).layers["hydrants"]
    for caller in (ANONYMOUS, principal("citizen"), principal("field")):
        with pytest.raises(UnknownLayer):
            seen_by(layer, caller)
    assert seen_by(layer, principal("municipality")) is layer


def test_icons_of_the_styles_exist(delivered: Catalog) -> None:
    icons = {path.stem for path in (PACKAGE / "viewer" / "icons").glob("*.svg")}
    named = {
        one["layout"]["icon-image"]
        for style in delivered.styles.values()
        for one in style.document["layers"]
        if isinstance(one.get("layout", {}).get("icon-image"), str)
    }
    assert named <= icons


def test_the_schema_for_editors_is_up_to_date() -> None:
    # Made by: python -m geoserver_app.catalogue.schema > layers/schema.json
    assert (DELIVERED / "layers" / "schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("path", sorted((DELIVERED / "layers").glob("*.toml")), ids=lambda path: path.stem)
def test_the_schema_accepts_what_the_server_accepts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#:schema ./schema.json\n")
    jsonschema.Draft202012Validator(json.loads(schema_text())).validate(tomllib.loads(text))


def test_the_schema_refuses_an_unknown_key() -> None:
    document = tomllib.loads(LAYER.replace('label = "name"', 'lable = "name"'))
    with pytest.raises(jsonschema.ValidationError, match="lable"):
        jsonschema.Draft202012Validator(json.loads(schema_text())).validate(document)


def test_check_reports_mistakes_file_by_file(folders: Folders) -> None:
    settings = read_settings({}, layers=folders.layers, styles=folders.styles)
    assert check(settings) == (["1 layers and 1 styles are right."], 0)
    folders.layer("hydrants", LAYER.replace('label = "name"', 'lable = "name"\ndatetime = "when"'))
    lines, code = check(settings)
    assert code == 1
    assert lines[0] == "hydrants.toml"
    assert lines[1].startswith("  datetime: no field is called 'when'")
    assert lines[2] == "  lable: unknown key; did you mean 'label'?"
    assert lines[-1] == "2 mistakes in 1 file."


def test_layers_whose_source_is_not_confirmed_say_why(delivered: Catalog) -> None:
    assert remark(delivered.layers["roads"]) is None
    assert (remark(delivered.layers["communes"]) or "").startswith("its source is not confirmed. ")
