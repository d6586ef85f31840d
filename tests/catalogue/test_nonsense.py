"""Whatever a file holds, its mistakes are told; nothing is raised."""

import copy
import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from geoserver_app.catalogue.files import LayerFile
from geoserver_app.catalogue.load import build
from geoserver_app.catalogue.rules import check_rules
from geoserver_app.catalogue.structure import read_structure
from geoserver_app.core.style import mistakes
from geoserver_app.core.style_words import LAYOUT, OPERANDS, PAINT, SPECIAL
from tests.catalogue.folders import DELIVERED, STYLE, Folders

WORDS = st.sampled_from([*OPERANDS, *SPECIAL, "linear", "hydrants", "level", "#123456", "", "x"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 30) | st.floats(-2, 2) | WORDS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
)
PROPERTIES = st.sampled_from(sorted({name for group in (*PAINT.values(), *LAYOUT.values()) for name in group}))
DOCUMENTS = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted((DELIVERED / "layers").glob("*.toml"))]


@given(
    st.sampled_from([*PAINT, "x"]), st.dictionaries(PROPERTIES, VALUES, max_size=4), VALUES, st.sampled_from([0, 1, 2])
)
def test_any_value_of_a_style_is_judged(kind: str, values: dict[str, Any], other: object, place: int) -> None:
    layer = {**STYLE["layers"][0], "type": kind, "paint": values, "layout": values}
    layer[("filter", "metadata", "minzoom")[place]] = other
    told = mistakes({**STYLE, "layers": [layer, other]}, "hydrants", None, icons=frozenset({"dot"}))
    assert told


@given(st.dictionaries(st.sampled_from(["version", "sources", "layers", "metadata", "name"]), VALUES))
def test_any_document_of_a_style_is_judged(document: dict[str, Any]) -> None:
    assert mistakes(document, "hydrants", None)


@given(st.data())
@settings(max_examples=200)
def test_any_document_of_a_layer_is_judged(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
    for _ in range(data.draw(st.integers(1, 3))):
        here: Any = document
        while True:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(here[key], dict | list) and here[key] and data.draw(st.booleans()):
                here = here[key]
                continue
            if data.draw(st.booleans()):
                here[key] = data.draw(VALUES)
            else:
                del here[key]
            break
    structure = read_structure("any.toml", document)
    assert structure.layer is not None
    check_rules(structure.layer, structure)
    if not structure.mistakes:
        assert build("any", LayerFile.model_validate(document))


def test_a_file_nested_too_deeply_is_told(folders: Folders) -> None:
    folders.layer("hydrants", "title = " + "[" * 50_000 + "]" * 50_000)
    (folders.styles / "hydrants.json").write_text("[" * 50_000 + "]" * 50_000, encoding="utf-8")
    told = folders.told()
    assert told["hydrants.toml"] == "is nested too deeply"
    assert told["hydrants.json"].startswith("is not JSON")


def test_a_folder_in_place_of_a_file_is_told(folders: Folders) -> None:
    (folders.layers / "hydrants.toml").unlink()
    (folders.layers / "hydrants.toml").mkdir()
    assert folders.told()["hydrants.toml"] == "cannot be read: Is a directory"
