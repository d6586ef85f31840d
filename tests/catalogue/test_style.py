"""A style outside the supported subset, or one that does not fit its layer, is told key by key."""

from dataclasses import replace
from typing import Any

import pytest

from geoserver_app.catalogue import default_style, read_catalog
from geoserver_app.core.layer import Field, GeometryType, Layer, Licence, Text
from geoserver_app.core.style import Style, mistakes
from tests.catalogue.folders import LAYER, STYLE, Folders

ZOOMED: list[Any] = ["interpolate", ["linear"], ["zoom"], 5, 1, 10, 4]


def paint(name: str, value: Any) -> dict[str, Any]:
    return {"paint": {name: value}}


@pytest.mark.parametrize(
    "changes",
    [
        paint("circle-radius", ZOOMED),
        paint("circle-color", ["match", ["get", "level"], [1, 2], "#112233", "rgba(1, 2, 3, 0.5)"]),
        paint("circle-color", ["case", ["==", ["get", "name"], "x"], "#123", "hsl(200, 50%, 40%)"]),
        paint("circle-radius", ["step", ["zoom"], ["case", ["has", "level"], 3, 2], 9, ["+", 1, ["get", "level"]]]),
        paint("circle-opacity", ["coalesce", ["get", "level"], 1]),
        {"filter": ["all", ["in", ["get", "level"], ["literal", [1, 2]]], [">", ["zoom"], 3]]},
        {"type": "symbol", "paint": {}, "layout": {"icon-image": "dot", "text-font": ["Noto Sans Bold"]}},
        {"type": "symbol", "paint": {}, "layout": {"text-field": ["concat", ["get", "name"], " ", ["get", "level"]]}},
        {"metadata": {"maillage:order": 5, "maillage:dark": {"circle-color": "#ffffff"}}},
        {"type": "line", "paint": {"line-dasharray": ["step", ["zoom"], ["literal", [1, 0]], 9, ["literal", [2, 1]]]}},
    ],
)
def test_what_the_subset_holds_is_accepted(folders: Folders, changes: dict[str, Any]) -> None:
    folders.restyle(**changes)
    assert folders.told() == {}


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        (paint("circle-colour", "#123"), "paint.circle-colour", "did you mean 'circle-color'?"),
        (paint("circle-blur", 1), "paint.circle-blur", "unknown key"),
        (paint("circle-color", "rouge"), "paint.circle-color", "is not a colour"),
        (paint("circle-radius", "4"), "paint.circle-radius", "must be a number"),
        (paint("circle-radius", ["get", "lvel"]), "paint.circle-radius.get", "did you mean 'level'?"),
        (paint("circle-radius", ["get", "secret"]), "paint.circle-radius.get", "tiles of 'hydrants' do not carry"),
        (paint("circle-radius", ["sqrt", 2]), "paint.circle-radius", "not an operator of the supported subset"),
        (paint("circle-radius", ["zoom"]), "paint.circle-radius.zoom", "the outermost step or interpolate"),
        (paint("circle-radius", ["*", 2, ZOOMED]), "paint.circle-radius.*.interpolate.zoom", "outermost"),
        (paint("circle-radius", ["step", ["zoom"], 1, 9, 2, 8, 3]), "paint.circle-radius.step", "must rise"),
        (paint("circle-radius", ["match", ["get", "level"], 1, 2]), "paint.circle-radius.match", "takes an input"),
        (paint("circle-radius", ["match", ["get", "level"], 1, 2, 1, 3, 4]), "paint.circle-radius.match", "twice"),
        (paint("circle-radius", ["case", True, 1]), "paint.circle-radius.case", "takes pairs"),
        (paint("circle-radius", ["-", 1, 2, 3]), "paint.circle-radius.-", "takes 1 to 2 operands, not 3"),
        (paint("circle-radius", ["interpolate", ["cubic-bezier", 0, 0, 1, 1], ["zoom"], 1, 2]),
         "paint.circle-radius.interpolate", "begins with"),
        (paint("circle-color", ["match", ["get", "level"], 1, "red", "#123"]), "paint.circle-color.match", "colour"),
        ({"filter": ["has", "lvel"]}, "filter.has", "has no field 'lvel'"),
        ({"filter": "level = 1"}, "filter", "must be an expression"),
        ({"source-layer": "other"}, "source-layer", "must be 'hydrants'"),
        ({"source": "other"}, "source", "must be 'hydrants'"),
        ({"type": "heatmap"}, "type", "is not one of fill, line, circle, symbol"),
        ({"minzoom": "9"}, "minzoom", "must be a number"),
        ({"id": ""}, "id", "is missing"),
        ({"ref": "x"}, "ref", "unknown key"),
        ({"type": "symbol", "paint": {}, "layout": {"text-font": ["Arial"]}}, "layout.text-font", "is not offered"),
        ({"type": "symbol", "paint": {}, "layout": {"text-field": "{name}"}}, "layout.text-field", '["get", "name"]'),
        ({"type": "symbol", "paint": {}, "layout": {"icon-image": "dotty"}}, "layout.icon-image", "mean 'dot'?"),
        ({"type": "line", "paint": {"line-dasharray": ["case", ["has", "name"], ["literal", [1]], ["literal", [2]]]}},
         "paint.line-dasharray.case.has", "cannot depend on the feature"),
        ({"metadata": {"maillage:dark": {"fill-color": "#123"}}}, "metadata.maillage:dark.fill-color", "unknown key"),
        ({"metadata": {"maillage:order": "top"}}, "metadata.maillage:order", "must be a number"),
    ],
)  # fmt: skip
def test_what_leaves_the_subset_is_told(folders: Folders, changes: dict[str, Any], key: str, words: str) -> None:
    secret = '\n[[field]]\nname = "secret"\ntype = "integer"\ntitle = { fr = "S", en = "S" }\ntiles = false\n'
    folders.layer("hydrants", LAYER + secret)
    folders.restyle(**changes)
    place = "[0]" if key == "id" else ".dot"
    told = {k: v for k, v in folders.told().items() if k == f"hydrants.json layers{place}.{key}"}
    assert told
    assert words in told[f"hydrants.json layers{place}.{key}"]


def test_the_document_itself_is_checked(folders: Folders) -> None:
    sources = {"hydrants": {"type": "geojson", "url": "https://elsewhere.example/data.json"}}
    folders.style("hydrants", {**STYLE, "version": "8", "sources": sources, "glyphs": "https://elsewhere.example"})
    assert set(folders.told()) == {"hydrants.json version", "hydrants.json sources", "hydrants.json glyphs"}


def test_broken_json_is_told_with_its_line(folders: Folders) -> None:
    (folders.styles / "hydrants.json").write_text('{\n  "version": 8,\n}', encoding="utf-8")
    told = folders.told()
    assert list(told) == ["hydrants.json line 3"]
    (folders.styles / "hydrants.json").write_text('{"version": NaN}', encoding="utf-8")
    assert folders.told()["hydrants.json"] == "is not JSON: NaN is not a JSON number"


def test_a_style_nobody_uses_is_checked_without_looking_up_fields(folders: Folders) -> None:
    unused = {
        "version": 8,
        "sources": {"unused": {"type": "vector", "url": "maillage://unused"}},
        "layers": [
            {"id": "a", "type": "fill", "source": "unused", "source-layer": "unused", "filter": ["has", "anything"]}
        ],
    }
    folders.style("unused", unused)
    assert folders.told() == {}


@pytest.mark.parametrize("geometry", ["Point", "MultiPoint", "LineString", "MultiPolygon", "Geometry"])
@pytest.mark.parametrize("label", [None, "name"])
def test_the_default_style_of_a_layer_is_right(geometry: GeometryType, label: str | None) -> None:
    fields = (Field("name", "string", Text("Nom", "Name")),)
    layer = Layer("trees", Text("Arbres", "Trees"), geometry, 31370, fields, Licence("-", "-"), label=label)
    style = default_style(layer)
    assert mistakes(style, "trees", layer, icons=frozenset()) == []
    assert style == default_style(layer)
    kinds = [one["type"] for one in style["layers"]]
    assert ("symbol" in kinds) == (label is not None)


def test_label_points_are_those_of_surfaces_and_carry_the_label_alone() -> None:
    fields = (Field("name", "string", Text("Nom", "Name")), Field("level", "integer", Text("Niveau", "Level")))
    layer = Layer("trees", Text("", ""), "MultiPolygon", 31370, fields, Licence("-", "-"), label="name")
    style = default_style(layer)
    text = next(one for one in style["layers"] if one["type"] == "symbol")
    assert text["source-layer"] == "trees_label"
    assert mistakes(style, "trees", replace(layer, geometry="Point"), icons=frozenset()) == [
        (f"layers.{text['id']}.source-layer", "'trees' has no label points: only surfaces with a name of their own do")
    ]
    text["layout"]["text-field"] = ["get", "level"]
    ((key, words),) = mistakes(style, "trees", layer, icons=frozenset())
    assert key == f"layers.{text['id']}.layout.text-field.get"
    assert words == "the layer 'trees_label' has no field 'level'; known are name"


def test_default_styles_of_several_layers_do_not_all_look_alike() -> None:
    layers = [
        Layer(f"layer_{n}", Text("", ""), "LineString", 31370, (), Licence("-", "-")) for n in range(40)
    ]  # fmt: skip
    assert len({default_style(layer)["layers"][0]["paint"]["line-color"] for layer in layers}) >= 6


def test_a_style_shared_by_two_layers_is_drawn_from_each(folders: Folders) -> None:
    folders.layer("shelters", LAYER.replace('label = "name"', 'style = "hydrants"'))
    catalog = read_catalog(folders.layers, folders.styles)
    style = catalog.styles[catalog.layers["shelters"].style_id]
    own, other = style.layers_for("hydrants"), style.layers_for("shelters")
    assert own == STYLE["layers"]
    assert [(one["id"], one["source"], one["source-layer"]) for one in other] == [
        ("shelters_dot", "shelters", "shelters")
    ]


def test_label_points_are_found_under_the_id_of_each_layer_and_left_where_there_are_none() -> None:
    named = {"id": "name", "type": "symbol", "source": "zones", "source-layer": "zones_label"}
    style = Style("zones", "Zones", {"layers": [named]})
    assert [one["source-layer"] for one in style.layers_for("zones")] == ["zones_label"]
    assert [one["source-layer"] for one in style.layers_for("sites")] == ["sites_label"]
    assert [one["source-layer"] for one in style.layers_for("sites", labelled=False)] == ["sites"]


LOW = {"value": 1, "title": {"fr": "Bas", "en": "Low"}}


def test_a_legend_names_the_values_of_a_field_in_both_languages(folders: Folders) -> None:
    legend = {"field": "level", "classes": [LOW, {"value": 2, "title": {"fr": "Haut", "en": "High"}}]}
    folders.style("hydrants", {**STYLE, "metadata": {"maillage:legend": legend}})
    assert folders.told() == {}


@pytest.mark.parametrize(
    ("legend", "key"),
    [
        ([LOW], "metadata.maillage:legend"),
        ({"field": "lvel", "classes": [LOW]}, "metadata.maillage:legend.field"),
        ({"field": "level", "classes": []}, "metadata.maillage:legend.classes"),
        ({"field": "level", "classes": [{**LOW, "title": {"fr": "Bas"}}]}, "metadata.maillage:legend.classes[0]"),
        ({"field": "level", "classes": [LOW, {"title": LOW["title"]}]}, "metadata.maillage:legend.classes[1]"),
    ],
)
def test_a_legend_that_names_nothing_is_refused(folders: Folders, legend: object, key: str) -> None:
    folders.style("hydrants", {**STYLE, "metadata": {"maillage:legend": legend}})
    assert [told for told in folders.told() if told.endswith(key)]
