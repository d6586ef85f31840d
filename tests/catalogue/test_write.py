"""What is written is what is read."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoserver_app.catalogue import CatalogError, default_style, read_catalog, write_layer, write_style
from geoserver_app.catalogue.load import read_layer_text
from geoserver_app.catalogue.write import json_text, layer_text
from geoserver_app.core.layer import Code, Field, FromZoom, Gates, Generalise, Layer, Licence, Risk, Source, Text, Zoom
from tests.catalogue.folders import DELIVERED, LAYER, Folders

LICENCE = Licence("CC BY 4.0", "Example")
DESCRIBED = Layer(
    id="zones",
    title=Text('Zones d\'"essai"\tet plus', "Test zones \\ and more"),
    geometry="MultiPolygon",
    crs=3812,
    fields=(
        Field(
            "level",
            "integer",
            Text("Niveau", "Level"),
            source="NIVEAU É",
            unit="m³/s",
            codes=(Code("a", "1", Text("Un", "One")), Code("b", "2", Text("Deux", "Two"))),
            tiles_from_zoom=9,
            required=True,
            read=frozenset({"field", "municipality"}),
            nulls=(".", ""),
        ),
        Field("seen", "datetime", Text("Vu", "Seen"), tiles=False),
        Field("name", "string", Text("Nom", "Name")),
    ),
    licence=Licence("CPU type A", "SPW", "https://example.org/a?b=c&d=é", "2024-10-14", republish=False),
    source=Source("wfs", "https://example.org/wfs", "ns:zones", "gml_id", 31370, "ISO-8859-1", "a = 'b'", False, "why"),
    abstract=Text("Une\nligne", "A\nline"),
    keywords=("un", "deux"),
    group="risk",
    style="other",
    read=frozenset({"municipality", "coordinator"}),
    risk=Risk("flood", "level", {"1": "minor", "2": "extreme"}, "severe"),
    zoom=Zoom(3, 15),
    generalise=Generalise(0.25, 2.5, True, "level", (FromZoom("level", (1, 2), 9), FromZoom("name", ("x",), 4))),
    gates=Gates(5, None, (4.8, 50.0, 5.9, 51.0), 0.1),
    label="name",
    datetime_field="seen",
    exercise_only=True,
    visible=False,
)


def test_a_layer_with_everything_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "zones.toml"
    write_layer(path, DESCRIBED)
    assert read_layer_text(path.name, path.read_text(encoding="utf-8")) == DESCRIBED
    assert [p.name for p in tmp_path.iterdir()] == ["zones.toml"]


def test_only_what_differs_from_the_defaults_is_written() -> None:
    text = layer_text(Layer("bare", Text("Nu", "Bare"), "Point", 4326, (), LICENCE))
    assert text == (
        "#:schema ./schema.json\n"
        'title = { fr = "Nu", en = "Bare" }\n'
        'geometry = "Point"\n'
        "crs = 4326\n\n"
        "[licence]\n"
        'name = "CC BY 4.0"\n'
        'attribution = "Example"\n'
    )


def test_the_delivered_layers_are_read_as_they_would_be_written() -> None:
    for layer in read_catalog(DELIVERED / "layers", DELIVERED / "styles").layers.values():
        assert read_layer_text(f"{layer.id}.toml", layer_text(layer)) == layer


def test_a_layer_the_server_would_refuse_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "zones.toml"
    path.write_text(LAYER, encoding="utf-8")
    with pytest.raises(CatalogError, match="no field is called 'nobody'"):
        write_layer(path, replace(DESCRIBED, label="nobody"))
    assert path.read_text(encoding="utf-8") == LAYER


def test_a_written_layer_and_its_default_style_are_a_right_catalogue(folders: Folders) -> None:
    layer = replace(DESCRIBED, style="")
    write_style(folders.styles / "zones.json", default_style(layer))
    write_layer(folders.layers / "zones.toml", layer)
    assert read_catalog(folders.layers, folders.styles).layers["zones"] == layer


LETTERS = st.characters(exclude_categories=["Cs"])


@given(st.text(LETTERS, min_size=1).filter(lambda text: text.strip() == text))
def test_any_text_survives(text: str) -> None:
    field = Field("name", "string", Text(text, text), source=text, nulls=(text, "."))
    layer = Layer("any", Text(text, text), "Point", 4326, (field,), Licence(text, text))
    assert read_layer_text("any.toml", layer_text(layer)) == layer


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(LETTERS),
        lambda s: st.lists(s) | st.dictionaries(st.text(LETTERS), s),
    )
)
def test_json_is_laid_out_without_changing_it(value: object) -> None:
    assert json.loads(json_text(value)) == value


def test_the_written_file_is_toml_a_person_can_read() -> None:
    document = tomllib.loads(layer_text(DESCRIBED))
    assert document["field"][0]["code"][0] == {"source": "a", "value": "1", "title": {"fr": "Un", "en": "One"}}
    assert document["gates"]["max_count_change"] == "any"
