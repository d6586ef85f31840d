"""Exercise rows come and go; real rows survive."""

from pathlib import Path
from typing import Any

import pytest
import shapely

from geoserver_app.catalogue import Catalog, read_catalog
from geoserver_app.core.errors import Conflict, NotFound
from geoserver_app.core.layer import Gates
from ingest.exercise_load import clear_exercise, load_exercise
from ingest.progress import Silent
from ingest.rollback import rollback_layer
from tests.conftest import TestDatabase
from tests.ingest.support import a_layer, ask, load, published, revision, squares

REAL = squares(3)
DRILL = [(key, shape, {"name": f"drill {key}"}) for key, shape, _ in squares(2)]
STATE = "source_key, exercise, name"


def catalog(*layers: Any) -> Catalog:
    return Catalog({layer.id: layer for layer in layers}, {})


def clear(database: TestDatabase, *layers: Any) -> list[tuple[str, int, int]]:
    found = clear_exercise(database.settings, database.owner_url, catalog(*layers), lambda _: Silent())
    return [(cleared.layer_id, cleared.removed, cleared.remaining) for cleared in found]


def test_exercise_rows_stand_beside_real_ones_even_under_the_same_key(database: TestDatabase) -> None:
    load(database, a_layer(), REAL)
    before = published(database, "fid, source_key, name")
    load(database, a_layer(), DRILL, exercise=True)
    assert published(database, STATE) == [
        ("0", False, "square 0"),
        ("1", False, "square 1"),
        ("2", False, "square 2"),
        ("0", True, "drill 0"),
        ("1", True, "drill 1"),
    ]
    assert published(database, "fid, source_key, name")[:3] == before
    assert ask(database, "SELECT exercise_count FROM system.publication ORDER BY id") == [(0,), (2,)]


def test_loading_the_exercise_again_doubles_nothing(database: TestDatabase) -> None:
    load(database, a_layer(), REAL)
    load(database, a_layer(), DRILL, exercise=True)
    before = published(database, "fid, " + STATE)
    load(database, a_layer(), DRILL, exercise=True)
    assert published(database, "fid, " + STATE) == before


def test_clearing_leaves_exactly_the_real_rows(database: TestDatabase) -> None:
    load(database, a_layer(), REAL)
    before = published(database, "fid, source_key, exercise, name, ST_AsText(geom)")
    load(database, a_layer(), DRILL, exercise=True)
    assert clear(database, a_layer()) == [("things", 2, 3)]
    assert published(database, "fid, source_key, exercise, name, ST_AsText(geom)") == before
    assert revision(database) == 3


def test_no_rollback_brings_a_cleared_exercise_back(database: TestDatabase) -> None:
    load(database, a_layer(), REAL[:1])
    load(database, a_layer(), DRILL, exercise=True)
    clear(database, a_layer())
    rollback_layer(database.settings, database.owner_url, "things")
    assert published(database, STATE) == [("0", False, "square 0")]
    with pytest.raises(Conflict):
        rollback_layer(database.settings, database.owner_url, "things")
    assert ask(database, "SELECT count(*) FROM system.publication WHERE exercise_count > 0") == [(0,)]


def test_a_layer_of_exercise_rows_alone_is_no_longer_published_after_clearing(database: TestDatabase) -> None:
    load(database, a_layer(), DRILL, exercise=True)
    assert clear(database, a_layer()) == [("things", 2, 0)]
    with pytest.raises(NotFound):
        rollback_layer(database.settings, database.owner_url, "things")
    left = ask(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'reference'")
    assert left == [("things_identity",)]
    # The revision goes on, so that no address of a tile ever means two things.
    assert load(database, a_layer(), REAL).revision == 3


def test_clearing_twice_finds_nothing(database: TestDatabase) -> None:
    load(database, a_layer(), REAL)
    load(database, a_layer(), DRILL, exercise=True)
    clear(database, a_layer())
    assert clear(database, a_layer()) == []


def test_an_ordinary_load_replaces_exercise_rows_by_real_ones(database: TestDatabase) -> None:
    gated = a_layer(gates=Gates(min_count=3, max_count_change=0.1))
    load(database, gated, DRILL, exercise=True)
    load(database, gated, REAL)
    assert published(database, "exercise") == [False, False, False]


def test_real_rows_stay_where_the_description_has_a_new_crs(database: TestDatabase) -> None:
    here = [("r", shapely.box(5, 50, 5.1, 50.1).wkb, {"name": "real"})]
    load(database, a_layer(), here)
    load(database, a_layer(crs=31370), [("d", shapely.box(5, 50, 5.1, 50.1).wkb, {"name": "drill"})], exercise=True)
    areas = published(database, "round(ST_Area(geom) / 1e6)::int")
    assert areas[0] == areas[1] > 50


@pytest.fixture(scope="module")
def delivered(shared_database: TestDatabase) -> tuple[TestDatabase, Catalog]:
    """A database into which the delivered layers' exercise was loaded, small."""
    found = read_catalog(shared_database.settings.layers, shared_database.settings.styles)
    list(load_exercise(shared_database.settings, shared_database.owner_url, found, lambda _: Silent(), scale=0.1))
    return shared_database, found


def test_the_exercise_fills_every_delivered_layer_with_marked_rows(delivered: tuple[TestDatabase, Catalog]) -> None:
    database, found = delivered
    rows = ask(
        database,
        "SELECT r.layer_id, feature_count, exercise_count FROM system.revision r "
        "JOIN system.publication p ON p.id = r.publication_id",
    )
    assert {row[0] for row in rows} == {layer.id for layer in found.layers.values() if layer.source}
    assert all(count == marked > 0 for _, count, marked in rows)
    assert ask(database, "SELECT count(*) FROM system.reject") == [(0,)]


def test_loading_what_is_loaded_does_nothing(delivered: tuple[TestDatabase, Catalog]) -> None:
    database, found = delivered
    again = load_exercise(database.settings, database.owner_url, found, lambda _: Silent(), scale=0.1)
    assert list(again) == []
    assert ask(database, "SELECT DISTINCT revision FROM system.revision") == [(1,)]


def test_packs_of_the_exercise_are_named_in_its_publications(delivered: tuple[TestDatabase, Catalog]) -> None:
    database, _ = delivered
    named = {name for (name,) in ask(database, "SELECT pack FROM system.publication WHERE pack IS NOT NULL")}
    assert named == {path.name for path in Path(database.settings.home, "packs").iterdir()}
    assert len(named) > 5
