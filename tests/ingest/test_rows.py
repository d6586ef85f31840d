"""Fields, types, nulls, codes and keys of the rows a load keeps or rejects."""

from datetime import UTC, date, datetime

import pytest

from geoserver_app.core.layer import Code
from ingest.gates import GatesFailed
from ingest.source import BadSource
from tests.conftest import TestDatabase
from tests.ingest.support import SQUARE, a_field, a_layer, ask, load, published, rejects, revision, text


def test_a_field_is_found_by_its_name_in_the_source_whatever_the_case(database: TestDatabase) -> None:
    layer = a_layer(fields=(a_field("name", source="NOM_RUE"), a_field("lanes", "integer", source="Lanes")))
    load(database, layer, [("1", SQUARE, {"nom_rue": "Rue Neuve", "Lanes": 2})],
         types={"nom_rue": "string", "Lanes": "integer"})  # fmt: skip
    assert published(database, "name, lanes") == [("Rue Neuve", 2)]


def test_blank_texts_and_the_sources_own_nulls_become_null(database: TestDatabase) -> None:
    layer = a_layer(fields=(a_field("name", nulls=("N/A",)), a_field("depth", "number", nulls=("-9999",))))
    rows = [
        ("1", SQUARE, {"name": "  ", "depth": -9999.0}),
        ("2", SQUARE, {"name": "N/A", "depth": 1.5}),
        ("3", SQUARE, {"name": "kept  ", "depth": float("nan")}),
    ]
    load(database, layer, rows, types={"name": "string", "depth": "number"})
    assert published(database, "name, depth") == [(None, None), (None, 1.5), ("kept  ", None)]


@pytest.mark.parametrize(
    ("kind", "written", "kept", "lost"),
    [
        ("integer", ["12", "+3", " 4.0 "], [12, 3, 4], "4.5"),
        ("number", ["1.5", "-2e3", ".5"], [1.5, -2000.0, 0.5], "1,5"),
        ("boolean", ["oui", "False", "1"], [True, False, True], "peut-être"),
        ("date", ["2021-07-14", "20210715", "2021/07/16"], [date(2021, 7, 14 + n) for n in range(3)], "14 juillet"),
        (
            "datetime",
            ["2021-07-14T10:00:00Z", "2021-07-14 12:00:00+02:00", "2021-07-14T10:00:00"],
            [datetime(2021, 7, 14, 10, tzinfo=UTC)] * 3,
            "yesterday",
        ),
    ],
)
def test_texts_are_read_as_the_fields_type_and_others_are_rejected_with_the_value(
    database: TestDatabase, kind: str, written: list[str], kept: list[object], lost: str
) -> None:
    layer = a_layer(fields=(a_field("value", kind),))  # type: ignore[arg-type]
    rows = [(str(n), SQUARE, {"value": word}) for n, word in enumerate([*written, lost])]
    load(database, layer, rows, types={"value": "string"}, settings={"rejects_max_share": 0.5})
    assert published(database, "value") == kept
    ((key, reason),) = rejects(database)
    assert key == "3" and lost in reason and reason.startswith("value: ")


def test_numbers_become_texts_without_a_false_fraction(database: TestDatabase) -> None:
    rows = [("1", SQUARE, {"name": 61031.0}), ("2", SQUARE, {"name": 1.25})]
    load(database, a_layer(), rows, types={"name": "number"})
    assert published(database, "name") == ["61031", "1.25"]


def test_a_row_without_a_required_value_is_rejected(database: TestDatabase) -> None:
    layer = a_layer(fields=(a_field("name", required=True),))
    rows = [("1", SQUARE, {"name": "a"}), ("2", SQUARE, {"name": " "})]
    load(database, layer, rows, settings={"rejects_max_share": 0.5})
    assert published(database, "name") == ["a"]
    assert rejects(database) == [("2", "name is required and empty")]


HAZARD = (Code("1", "low", text("faible")), Code("2", "high", text("élevé")))


def test_codes_of_the_source_become_the_layers_values(database: TestDatabase) -> None:
    layer = a_layer(fields=(a_field("hazard", source="CODE", codes=HAZARD), a_field("code_text", source="CODE")))
    rows = [("1", SQUARE, {"CODE": " 1"}), ("2", SQUARE, {"CODE": "2"}), ("3", SQUARE, {"CODE": None})]
    load(database, layer, rows, types={"CODE": "string"})
    assert published(database, "hazard, code_text") == [("low", " 1"), ("high", "2"), (None, None)]


def test_unknown_codes_stop_the_load_and_are_listed_with_their_counts(database: TestDatabase) -> None:
    layer = a_layer(fields=(a_field("hazard", source="CODE", codes=HAZARD),))
    load(database, layer, [("1", SQUARE, {"CODE": 1})], types={"CODE": "integer"})
    rows = [(str(n), SQUARE, {"CODE": code}) for n, code in enumerate([1, 7, 7, 9, 2])]
    with pytest.raises(GatesFailed, match=r"hazard: '7' \(2 rows\), '9' \(1 rows\)"):
        load(database, layer, rows, types={"CODE": "integer"}, settings={"batch_rows": 2})
    assert published(database, "hazard") == ["low"]
    assert revision(database) == 1


def test_a_source_without_a_coded_field_is_refused_and_says_what_it_has(database: TestDatabase) -> None:
    layer = a_layer(fields=(a_field("hazard", source="CODE", codes=HAZARD), a_field("name")))
    with pytest.raises(BadSource, match="'CODE'; it has name"):
        load(database, layer, [("1", SQUARE, {"name": "a"})])


def test_a_field_the_source_lacks_stays_empty_and_is_told(database: TestDatabase) -> None:
    layer = a_layer(fields=(a_field("name"), a_field("note")))
    summary = load(database, layer, [("1", SQUARE, {"name": "a"})])
    assert published(database, "name, note") == [("a", None)]
    assert summary.notes == ("not in the source, left empty: note",)


def test_features_keep_their_number_from_load_to_load(database: TestDatabase) -> None:
    first = [(key, SQUARE, {"name": key}) for key in ("a", "b", "c")]
    second = [(key, SQUARE, {"name": key}) for key in ("d", "c", "a")]
    load(database, a_layer(), first)
    before = dict(published(database, "source_key, fid"))
    load(database, a_layer(), second, settings={"batch_rows": 2})
    after = dict(published(database, "source_key, fid"))
    assert before == {"a": 1, "b": 2, "c": 3}
    assert after == {"a": 1, "c": 3, "d": 4}
    load(database, a_layer(), first)
    assert dict(published(database, "source_key, fid")) == before


def test_a_key_met_twice_keeps_its_first_row(database: TestDatabase) -> None:
    rows = [("a", SQUARE, {"name": "first"}), ("b", SQUARE, {"name": "b"}), ("a", SQUARE, {"name": "again"}),
            ("c", SQUARE, {"name": "c"}), ("b", SQUARE, {"name": "b again"})]  # fmt: skip
    load(database, a_layer(), rows, settings={"batch_rows": 3, "rejects_max_share": 0.5})
    assert published(database, "name") == ["first", "b", "c"]
    assert rejects(database) == [("a", "duplicate key"), ("b", "duplicate key")]


def test_a_row_without_a_key_is_rejected(database: TestDatabase) -> None:
    rows = [(None, SQUARE, {"name": "nameless"}), ("b", SQUARE, {"name": "b"})]
    load(database, a_layer(), rows, settings={"rejects_max_share": 0.5})
    assert published(database, "name") == ["b"]
    assert ask(database, "SELECT reason, source_key FROM system.reject") == [("no key", None)]


def test_a_reject_keeps_everything_the_source_said(database: TestDatabase) -> None:
    rows = [("1", SQUARE, {"name": "kept", "built": None}),
            ("2", None, {"name": "lost\x00", "built": date(1999, 1, 2)})]  # fmt: skip
    load(database, a_layer(), rows, types={"name": "string", "built": "date"}, settings={"rejects_max_share": 0.5})
    found = ask(database, "SELECT source_key, reason, attributes, geometry FROM system.reject")
    assert found == [("2", "no geometry", {"name": "lost", "built": "1999-01-02"}, None)]


def test_values_of_every_type_survive_the_way_into_the_table(database: TestDatabase) -> None:
    moment = datetime(1969, 7, 20, 20, 17, 40, 123456, tzinfo=UTC)
    values = {
        "s": "Ça « coule » 🌊", "i": -(2**62), "n": 1e-300, "b": False, "d": date(1066, 10, 14), "t": moment,
    }  # fmt: skip
    kinds = {"s": "string", "i": "integer", "n": "number", "b": "boolean", "d": "date", "t": "datetime"}
    layer = a_layer(fields=tuple(a_field(name, kind) for name, kind in kinds.items()))  # type: ignore[arg-type]
    load(database, layer, [("1", SQUARE, values), ("2", SQUARE, {})], types=kinds)
    assert published(database, "s, i, n, b, d, t") == [tuple(values.values()), (None,) * 6]
