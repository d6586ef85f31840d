"""A layer file's where, evaluated on rows before they are loaded."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from geoserver_app.core.errors import BadFilter, UnknownField
from geoserver_app.settings import Settings
from ingest import rows

BATCH = pa.RecordBatch.from_pydict(
    {
        "n": pa.array([1, 2, 3, None], pa.int64()),
        "nom": ["Huy", "huy", "Wanze", None],
        "jour": pa.array([date(2021, 7, 14), date(2021, 7, 15), None, date(2021, 7, 16)]),
        "heure": pa.array([datetime(2021, 7, 14, h, tzinfo=UTC) for h in (6, 12, 18, 23)], pa.timestamp("us", "UTC")),
        "vrai": [True, False, None, True],
        "part": [0.5, 1.5, 2.5, None],
        "rang": [1, 2, 3, 4],
    }
)


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("n = 2", [2]),
        ("n <> 2", [1, 3]),
        ("NOT n = 2", [1, 3]),
        ("n IS NULL", [4]),
        ("n IS NOT NULL", [1, 2, 3]),
        ("2 <= n", [2, 3]),
        ("nom = 'Huy' OR n = 3", [1, 3]),
        ("nom = 'Huy' AND n = 3", []),
        ("n IN (1, 3)", [1, 3]),
        ("n NOT IN (1, 3)", [2]),
        ("n BETWEEN 2 AND 9", [2, 3]),
        ("nom LIKE 'H%'", [1]),
        ("nom LIKE '_uy'", [1, 2]),
        ("nom NOT LIKE '%uy'", [3]),
        ("CASEI(nom) = CASEI('HUY')", [1, 2]),
        ("jour > DATE('2021-07-14')", [2, 4]),
        ("heure >= TIMESTAMP('2021-07-14T12:00:00Z')", [2, 3, 4]),
        ("jour = '2021-07-15'", [2]),
        ("vrai = TRUE", [1, 4]),
        ("part > 1", [2, 3]),
        ("rang = 4 OR (n > 1 AND part < 2)", [2, 4]),
        ("TRUE", [1, 2, 3, 4]),
    ],
)
def test_a_filter_keeps_the_rows_sql_would_keep(where: str, kept: list[int]) -> None:
    node = rows.read_where(where, Settings())
    assert node is not None
    assert rows.keep(node, BATCH).column("rang").to_pylist() == kept


@pytest.mark.parametrize("where", ["S_INTERSECTS(geom, POINT(1 2))", "n + 1 = 2", "T_AFTER(heure, DATE('2021-01-01'))"])
def test_what_rows_cannot_answer_is_refused(where: str) -> None:
    node = rows.read_where(where, Settings())
    assert node is not None
    with pytest.raises(BadFilter):
        rows.keep(node, BATCH)


def test_a_comparison_of_unlike_types_is_an_error_and_not_an_empty_layer() -> None:
    node = rows.read_where("n = 'deux'", Settings())
    assert node is not None
    with pytest.raises(BadFilter):
        rows.keep(node, BATCH)


def test_an_unknown_field_is_named() -> None:
    node = rows.read_where("nmo = 'Huy'", Settings())
    assert node is not None
    with pytest.raises(UnknownField, match="nmo"):
        rows.keep(node, BATCH)


def test_no_filter_is_no_filter() -> None:
    assert rows.read_where(None, Settings()) is None
    assert rows.read_where("", Settings()) is None
