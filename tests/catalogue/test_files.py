"""Every mistake of a layer file is told with the file, the key and a sentence."""

import pytest

from geoserver_app.catalogue import read_catalog
from geoserver_app.core.access import STAFF
from tests.catalogue.folders import LAYER, STYLE, Folders

FIELD = '[[field]]\nname = "name"'


def test_a_right_folder_has_no_mistakes(folders: Folders) -> None:
    assert folders.told() == {}


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('label = "name"', 'lable = "name"', "lable", "did you mean 'label'?"),
        ('source = "NAME"', 'sources = "NAME"', "field.name.sources", "did you mean 'source'?"),
        ('kind = "arcgis"', 'kind = "arcgiss"', "source.kind", "did you mean 'arcgis'?"),
        ('kind = "arcgis"', 'kind = "ftp"', "source.kind", "is not one of arcgis, wfs, spw, file"),
        ('geometry = "Point"', 'geometry = "point"', "geometry", "is not one of Point"),
        ('geometry = "Point"\n', "", "geometry", "is missing"),
        ('attribution = "Example"\n', "", "licence.attribution", "is missing"),
        (', en = "Hydrants" }', " }", "title.en", "is missing"),
        ("crs = 31370\nlabel", 'crs = "31370"\nlabel', "crs", "must be a whole number"),
        ("crs = 31370\nlabel", "crs = 32999\nlabel", "crs", "EPSG:32999 is not known"),
        ("crs = 31370\nlabel", "crs = 5710\nlabel", "crs", "is not a system of positions on the ground"),
        ('type = "string"', 'type = "text"', "field.name.type", "is not one of string"),
        ('name = "name"\n', 'name = "geom"\n', "field.geom.name", "a column the store adds itself"),
        ('name = "name"\n', 'name = "Name"\n', "field.Name.name", "cannot be a field name"),
        ('name = "level"', 'name = "name"', "field.name.name", "2 fields have this name"),
        ('name = "level"\n', "", "field[1].name", "is missing"),
        ('label = "name"', 'label = "nam"', "label", "no field is called 'nam'; did you mean 'name'?"),
        ('label = "name"', 'datetime = "name"', "datetime", "is a string, not a date or datetime"),
        ("[source]", '[generalise]\nrank = "name"\n[source]', "generalise.rank", "a rank is an integer or a number"),
        ("[source]", "[zoom]\nmin = 9\nmax = 5\n[source]", "zoom", "min 9 is deeper than max 5"),
        ("[source]", "[zoom]\nmax = 30\n[source]", "zoom.max", "less than or equal to 22"),
        ("[source]", "[gates]\nextent = [5, 6]\n[source]", "gates.extent", "4 items"),
        ("[source]", "[gates]\nextent = [6, 50, 5, 51]\n[source]", "gates.extent", "west < east"),
        ("[source]", "[gates]\nmax_rejected = 2\n[source]", "gates.max_rejected", "less than or equal to 1"),
        ('group = "resources"', 'group = "resource"', "group", "did you mean 'resources'?"),
        ('label = "name"', 'read = ["publc"]', "read[0]", "did you mean 'public'?"),
        ('label = "name"', "read = []", "read", "at least 1 item"),
        ('label = "name"', 'style = "hydrant"', "style", "there is no style 'hydrant'; did you mean 'hydrants'?"),
        ('url = "https://', 'url = "ftp://', "source.url", "is not an http or https address"),
        ('attribution = "Example"', 'attribution = "E"\nurl = "www.example.org"', "licence.url", "http or https"),
        ('key = "ID"\n', "", "source.key", "a source of the kind 'arcgis' needs it"),
        ('key = "ID"\ncrs = 31370\n', 'key = "ID"\n', "source.crs", "a source of the kind 'arcgis' needs it"),
        ('key = "ID"', 'key = "ID"\nencoding = "utf-99"', "source.encoding", "is not an encoding"),
        ('source = "2"', 'source = "1"', "field.level.code[0].source", "'1' is written 2 times"),
        ('value = "2"', 'value = "two"', "field.level.code[1].value", "is not of type integer"),
        ('value = "2"', 'value = "1"', "field.level.code[1].title", "another code with the value '1'"),
        ("[source]", '[risk]\nkind = "flood"\n[source]', "risk", "this layer is Point"),
        ("[source]", "[[generalise.from_zoom]]\nfield = 'level'\nvalues = [3]\nzoom = 9\n[source]",
         "generalise.from_zoom[0].values", "is not a value of 'level'"),
        ("[source]", "[[generalise.from_zoom]]\nfield = 'levle'\nvalues = [2]\nzoom = 19\n[source]",
         "generalise.from_zoom[0].zoom", "deeper than the layer's deepest zoom"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_key(folders: Folders, old: str, new: str, key: str, words: str) -> None:
    folders.change(old, new)
    told = folders.told()
    assert f"hydrants.toml {key}" in told
    assert words in told[f"hydrants.toml {key}"]


RISK = 'geometry = "Point"', 'geometry = "Polygon"'


@pytest.mark.parametrize(
    ("risk", "key", "words"),
    [
        ('field = "lvel"', "risk.field", "did you mean 'level'?"),
        ('default = "huge"', "risk.default", "is not one of minor, moderate, severe, extreme"),
        ('field = "level"\nseverity = { 3 = "minor" }', "risk.severity.3", "is not a value of 'level'"),
        ('field = "level"\nseverity = { 1 = "big" }', "risk.severity.1", "is not one of minor"),
        ('severity = { 1 = "minor" }', "risk.severity", "needs risk.field"),
    ],
)
def test_a_mistake_in_a_risk_is_told_with_its_key(folders: Folders, risk: str, key: str, words: str) -> None:
    text = LAYER.replace(*RISK).replace("[source]", f'[risk]\nkind = "flood"\n{risk}\n[source]')
    folders.layer("hydrants", text)
    assert words in folders.told()[f"hydrants.toml {key}"]


def test_a_layer_whose_licence_forbids_republishing_is_never_public(folders: Folders) -> None:
    text = LAYER.replace('attribution = "Example"', 'attribution = "SPW"\nrepublish = false')
    folders.layer("hydrants", text.replace('label = "name"', 'read = ["public"]'))
    assert "public may not read it" in folders.told()["hydrants.toml read"]
    folders.layer("hydrants", text.replace('label = "name"', 'read = ["citizen", "field"]'))
    assert "citizen may not read it" in folders.told()["hydrants.toml read"]
    folders.layer("hydrants", text.replace('label = "name"', 'read = ["municipality"]'))
    assert folders.told() == {}
    folders.layer("hydrants", text)
    assert read_catalog(folders.layers, folders.styles).layers["hydrants"].read == STAFF


def test_a_toml_mistake_is_told_with_its_line(folders: Folders) -> None:
    folders.layer("hydrants", LAYER.replace('label = "name"', "label = name"))
    told = folders.told()
    assert "is not TOML" in told["hydrants.toml line 5"]


def test_a_file_that_is_not_utf8_or_too_large_is_told(folders: Folders) -> None:
    (folders.layers / "latin.toml").write_bytes('# é\ntitle = "à"'.encode("iso-8859-1"))
    (folders.layers / "large.toml").write_bytes(b"#" * 1_000_001)
    told = folders.told()
    assert "is not UTF-8" in told["latin.toml line 1"]
    assert "larger than 1 MB" in told["large.toml"]


def test_a_file_name_that_cannot_be_an_id_is_told(folders: Folders) -> None:
    folders.layer("Fire-Hydrants", LAYER.replace('label = "name"', 'style = "hydrants"'))
    assert "cannot be the id of a layer" in folders.told()["Fire-Hydrants.toml"]


def test_a_folder_that_is_away_is_told(folders: Folders) -> None:
    folders.layers.rename(folders.layers.with_name("elsewhere"))
    assert folders.told() == {str(folders.layers): "the folder cannot be read: No such file or directory"}


def test_every_mistake_of_every_file_is_told_at_once(folders: Folders) -> None:
    folders.layer("hydrants", LAYER.replace('label = "name"', 'lable = "name"\ndatetime = "when"'))
    folders.layer("shelters", LAYER.replace("crs = 31370\nlabel", "crs = 1\nlabel").replace('"CC BY 4.0"', "4"))
    folders.layer("broken", "title = ")
    folders.style("hydrants", {**STYLE, "version": 7, "layers": []})
    folders.style("extra", [])
    assert set(folders.told()) == {
        "broken.toml line 1",
        "extra.json",
        "hydrants.json layers",
        "hydrants.json version",
        "hydrants.toml datetime",
        "hydrants.toml lable",
        "shelters.toml crs",
        "shelters.toml licence.name",
    }


def test_what_follows_from_a_mistake_is_not_told_as_another(folders: Folders) -> None:
    folders.layer("hydrants", LAYER.replace('name = "name"\n', "").replace('geometry = "Point"', 'geometry = "point"'))
    assert set(folders.told()) == {"hydrants.toml field[0].name", "hydrants.toml geometry"}
