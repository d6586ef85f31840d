"""Gates, revisions, rollback, and what failed loads leave behind."""

from dataclasses import replace
from urllib.parse import urlsplit

import psycopg
import pytest

from geoserver_app.core.errors import Conflict, NotFound
from geoserver_app.core.layer import Gates
from geoserver_app.store.loading import connect_owner
from ingest import runs
from ingest.gates import GatesFailed
from ingest.rollback import rollback_layer
from tests.conftest import Server, TestDatabase
from tests.ingest.support import SQUARE, a_layer, ask, bands, load, published, rejects, revision, squares, table


def tables(database: TestDatabase) -> set[str]:
    return {row[0] for row in ask(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'reference'")}


def states(database: TestDatabase) -> list[str]:
    return [row[0] for row in ask(database, "SELECT state FROM system.load ORDER BY id")]


GATED = a_layer(gates=Gates(min_count=2, max_count_change=0.5, max_rejected=0.25))


def test_each_load_raises_the_revision_and_shows_its_rows(database: TestDatabase) -> None:
    assert load(database, a_layer(), squares(2)).revision == 1
    assert load(database, a_layer(), squares(3)).revision == 2
    assert published(database) == ["0", "1", "2"]
    assert revision(database) == 2
    assert states(database) == ["published", "published"]


def test_the_servers_role_may_read_what_was_published_and_nothing_more(database: TestDatabase) -> None:
    load(database, a_layer(), squares(1))
    with psycopg.connect(database.app_url) as connection:
        for name in (table(database), *(band[0] for band in bands(database))):
            connection.execute(f"SELECT count(*) FROM {name}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"DELETE FROM {table(database)}")


def test_too_few_rows_are_not_published(database: TestDatabase) -> None:
    with pytest.raises(GatesFailed, match="1 rows, but at least 2 are expected"):
        load(database, GATED, squares(1))
    assert revision(database) is None
    assert tables(database) == set()
    assert states(database) == ["failed"]


def test_a_count_too_far_from_the_last_one_is_refused_unless_forced(database: TestDatabase) -> None:
    load(database, GATED, squares(10))
    with pytest.raises(GatesFailed, match="4 rows against 10 published now, a change of 60%"):
        load(database, GATED, squares(4))
    assert len(published(database)) == 10
    load(database, GATED, squares(5))
    load(database, GATED, squares(2), force=True)
    assert len(published(database)) == 2


def test_too_many_rejects_stop_a_load_but_are_kept_to_look_at(database: TestDatabase) -> None:
    rows = [*squares(3), ("a", None, {}), ("b", None, {})]
    with pytest.raises(GatesFailed, match=r"2 of 5 rows were rejected, more than 25%: no geometry \(2\)"):
        load(database, GATED, rows)
    assert rejects(database) == [("a", "no geometry"), ("b", "no geometry")]
    assert revision(database) is None


def test_a_dry_run_checks_everything_and_leaves_no_trace_but_its_record(database: TestDatabase) -> None:
    load(database, GATED, squares(2))
    before = tables(database)
    summary = load(database, GATED, [*squares(3), ("x", None, {})], dry_run=True)
    assert (summary.state, summary.kept, summary.rejected) == ("dry_run", 3, {"no geometry": 1})
    assert tables(database) == before
    assert published(database) == ["0", "1"]
    assert states(database) == ["published", "dry_run"]
    assert ask(database, "SELECT count(*) FROM reference.things_identity") == [(2,)]


def test_rollback_shows_the_previous_rows_under_a_new_revision(database: TestDatabase) -> None:
    load(database, a_layer(), squares(1))
    load(database, a_layer(), squares(2))
    assert rollback_layer(database.settings, database.owner_url, "things").revision == 3
    assert published(database) == ["0"]
    with pytest.raises(Conflict, match="no earlier revision"):
        rollback_layer(database.settings, database.owner_url, "things")
    assert revision(database) == 3


def test_rolling_back_what_is_not_published_says_so(database: TestDatabase) -> None:
    with pytest.raises(NotFound, match="'things' is not published"):
        rollback_layer(database.settings, database.owner_url, "things")


def test_earlier_revisions_are_kept_as_far_as_settings_say_and_no_further(database: TestDatabase) -> None:
    layer = a_layer()
    for count in (1, 2, 3, 4):
        load(database, layer, squares(count), settings={"revisions_kept": 1})
    counts = ask(database, "SELECT feature_count FROM system.publication ORDER BY id")
    assert counts == [(3,), (4,)]
    kept = {name for (name,) in ask(database, "SELECT table_name FROM system.publication")}
    assert {name for name in tables(database) if "_z" not in name} == kept | {"things_identity"}
    rollback_layer(database.settings, database.owner_url, "things")
    assert len(published(database)) == 3


def test_a_table_still_being_read_is_dropped_by_the_next_load(database: TestDatabase) -> None:
    layer = a_layer(zoom=a_layer().zoom.__class__(10, 10))
    load(database, layer, squares(1), settings={"revisions_kept": 0})
    first = table(database)
    with psycopg.connect(database.owner_url) as reader:
        reader.execute(f"SELECT count(*) FROM {first}")
        load(database, layer, squares(2), settings={"revisions_kept": 0})
        assert reader.execute(f"SELECT count(*) FROM {first}").fetchone() == (1,)
    load(database, layer, squares(2), settings={"revisions_kept": 0})
    assert {name for name in tables(database) if "_z" not in name} == {table(database).split(".")[1], "things_identity"}


def test_a_layer_whose_id_begins_with_anothers_keeps_its_tables(database: TestDatabase) -> None:
    load(database, a_layer("roads"), squares(1))
    load(database, a_layer("roads_p1"), squares(1))
    for _ in range(4):
        load(database, a_layer("roads"), squares(1))
    assert published(database, layer_id="roads_p1") == ["0"]


def test_a_second_loader_of_the_same_layer_is_refused(database: TestDatabase) -> None:
    with connect_owner(database.owner_url, autocommit=True) as other, runs.alone(other, "things"):
        with pytest.raises(Conflict, match="being loaded by another process"):
            load(database, a_layer(), squares(1))
        load(database, a_layer("others"), squares(1))
    load(database, a_layer(), squares(1))


def test_what_a_killed_loader_left_is_swept_by_the_next_load(database: TestDatabase) -> None:
    load(database, a_layer(), squares(1))
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("INSERT INTO system.load (layer_id, state, source) VALUES ('things', 'running', 'x')")
        connection.execute("CREATE TABLE reference.things_p999 ()")
        connection.execute("CREATE TABLE reference.things_p999_z5 ()")
    load(database, a_layer(), squares(2))
    assert states(database) == ["published", "interrupted", "published"]
    assert not {"things_p999", "things_p999_z5"} & tables(database)


def test_a_failure_while_bands_are_built_leaves_the_old_rows_and_no_table(
    database: TestDatabase, postgres: Server
) -> None:
    load(database, a_layer(), squares(1))
    before = tables(database)
    name = urlsplit(database.owner_url).path.removeprefix("/")
    with psycopg.connect(postgres.url(name)) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE 'the disk is full' USING ERRCODE = '53100'; END $$"
        )
        connection.execute(
            "CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN tag IN ('CREATE INDEX') EXECUTE FUNCTION refuse()"
        )
    with pytest.raises(psycopg.errors.DiskFull):
        load(database, a_layer(), squares(2))
    assert published(database) == ["0"]
    assert tables(database) == before
    assert states(database) == ["published", "failed"]


def test_the_fields_of_a_new_description_are_in_the_next_publication(database: TestDatabase) -> None:
    load(database, a_layer(), squares(1))
    layer = a_layer(geometry="Point", crs=31370)
    load(database, replace(layer, fields=()), [("p", "POINT (5 50)", {})])
    assert ask(database, "SELECT srid, columns FROM system.publication ORDER BY id DESC LIMIT 1") == [(31370, [])]
    assert published(database, "GeometryType(geom)") == ["POINT"]


def test_square_is_what_it_says(database: TestDatabase) -> None:
    load(database, a_layer(), [("1", SQUARE, {})])
    assert ask(database, "SELECT time_start, exercise_count, previous_id FROM system.publication") == [(None, 0, None)]
