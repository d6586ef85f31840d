"""Several layers of one ArcGIS service, numbered each from one, read as one source."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from geoserver_app.core.layer import Source
from geoserver_app.settings import Settings
from ingest.read import BadSource, SourceChanged
from tests.ingest_readers.esri import LAYER, Layer
from tests.ingest_readers.reading import Whole, read_all
from tests.ingest_readers.server import Answer, Asked, Site, serving


def service(**layers: Layer) -> Callable[[Asked], Answer]:
    """A MapServer whose layers have the numbers ``_4``, ``_5``, …."""

    def answer(asked: Asked) -> Answer:
        number = asked.path.removesuffix("/query").rpartition("/")[2]
        return layers[f"_{number}"](asked)

    return answer


def read(site: Site, settings: Settings, work: Path, **more: Any) -> Whole:
    more = {"layer": "4,5,6", "key": "OBJECTID", **more}
    return read_all(Source("arcgis", f"{site.url}/MapServer", **more), settings, work)


def named(name: str, *more: dict[str, str]) -> dict[str, Any]:
    return {"name": name, "fields": [*LAYER["fields"], *more]}


def test_three_layers_with_the_same_object_ids_become_one_source(settings: Settings, work: Path) -> None:
    layers = {f"_{number}": Layer(count=count) for number, count in ((4, 3), (5, 12), (6, 2))}
    with serving(service(**layers)) as site:
        whole = read(site, settings, work, layer="4, 5,6")
    assert whole.described.count == 17
    assert whole.keys[:4] == ["4/1", "4/2", "4/3", "5/1"]
    assert whole.keys[-2:] == ["6/1", "6/2"]
    assert len(set(whole.keys)) == 17
    assert whole.wkt[3] == "POINT (180001 130000)"


def test_a_field_that_a_layer_lacks_is_empty_in_its_rows(settings: Settings, work: Path) -> None:
    class Numbered(Layer):
        def feature(self, number: int) -> dict[str, Any]:
            found = super().feature(number)
            return {**found, "attributes": {**found["attributes"], "NUMERO": f"N{number}"}}

    more = {"name": "NUMERO", "type": "esriFieldTypeString"}
    layers = {"_4": Layer(count=1), "_5": Numbered(count=2, description=named("Nationales", more))}
    with serving(service(**layers)) as site:
        whole = read(site, settings, work, layer="4,5")
    assert [field.name for field in whole.described.fields] == ["OBJECTID", "CODE", "HAUTEUR", "POSE", "NUMERO"]
    assert whole.column("NUMERO") == [None, "N1", "N2"]
    assert whole.column("CODE") == ["01", "01", "02"]


def test_types_that_differ_between_layers_become_one_that_holds_both(settings: Settings, work: Path) -> None:
    as_text = [{**f, "type": "esriFieldTypeString"} if f["name"] == "HAUTEUR" else f for f in LAYER["fields"]]
    layers = {"_4": Layer(count=1), "_5": Layer(count=1, description={"fields": as_text})}
    with serving(service(**layers)) as site:
        whole = read(site, settings, work, layer="4,5")
    assert whole.type_of("HAUTEUR") == "string"
    assert whole.column("HAUTEUR") == ["0.5", "0.5"]


def test_a_layer_that_loses_rows_fails_all_even_if_another_gains_as_many(settings: Settings, work: Path) -> None:
    layers = {"_4": Layer(count=5, counts=[5, 4]), "_5": Layer(count=5, counts=[5, 6]), "_6": Layer(count=1)}
    with serving(service(**layers)) as site, pytest.raises(SourceChanged, match="5 rows before, 4 after"):
        read(site, settings, work)


def test_each_layer_may_have_its_own_faults(settings: Settings, work: Path) -> None:
    short = Layer(count=25, short=lambda offset: 4 if offset == 10 else 10**9)
    layers = {"_4": Layer(count=12, pages=False), "_5": short, "_6": Layer(count=0)}
    with serving(service(**layers)) as site:
        whole = read(site, settings, work)
    assert sorted(whole.keys) == sorted([f"4/{i}" for i in range(1, 13)] + [f"5/{i}" for i in range(1, 26)])


def test_layers_in_different_crs_are_refused_unless_one_is_asked_for(settings: Settings, work: Path) -> None:
    other = {"name": "Rings", "extent": {"spatialReference": {"wkid": 3812}}}
    layers = {"_4": Layer(count=1), "_5": Layer(count=1, description=other)}
    with serving(service(**layers)) as site:
        with pytest.raises(BadSource, match="Sirènes 31370, Rings 3812"):
            read(site, settings, work, layer="4,5")
        assert read(site, settings, work, layer="4,5", crs=31370).described.srid == 31370


def test_a_single_number_leaves_the_keys_as_they_are(settings: Settings, work: Path) -> None:
    with serving(service(_4=Layer(count=2))) as site:
        assert read(site, settings, work, layer="4").keys == ["1", "2"]
