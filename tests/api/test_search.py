"""The search for communes: over what the caller may read, revalidated, strict with its parameters."""

import dataclasses
from pathlib import Path

import psycopg
import pytest

from tests.conftest import TestDatabase, application
from tests.tiles.hand import describe, field, layer, publish, with_folders

COMMUNES = layer("communes", field("code"), field("name"), geometry="Polygon", label="name")
SQUARE = "POLYGON((184000 128000, 186000 128000, 186000 130000, 184000 130000, 184000 128000))"


@pytest.fixture
def communes(database: TestDatabase, tmp_path: Path) -> TestDatabase:
    placed = with_folders(database, tmp_path)
    publish(placed, COMMUNES, [(1, SQUARE, {"code": "92094", "name": "Namur"})])
    with psycopg.connect(placed.owner_url) as connection:
        connection.execute(
            "CREATE TABLE reference.communes_p1 AS SELECT 1::bigint AS fid, 'a' AS source_key, false AS exercise,"
            f" '92094' AS code, 'Namur' AS name, ST_GeomFromText('{SQUARE}', 31370) AS geom"
        )
    return placed


def closed(database: TestDatabase, *names: str) -> None:
    staff = frozenset({"municipality"})
    fields = (dataclasses.replace(f, read=staff) if f.name in names else f for f in COMMUNES.fields)
    describe(database.settings, dataclasses.replace(COMMUNES, fields=tuple(fields)))


async def test_a_search_is_revalidated_and_refuses_what_it_does_not_know(communes: TestDatabase) -> None:
    async with application(communes.settings) as client:
        found = await client.get("/api/search?q=NAM")
        assert [f["properties"]["name"] for f in found.json()["features"]] == ["Namur"]
        again = await client.get("/api/search?q=NAM", headers={"If-None-Match": found.headers["etag"]})
        assert again.status_code == 304
        other = await client.get("/api/search?q=LI", headers={"If-None-Match": found.headers["etag"]})
        assert other.status_code == 200
        wrong = await client.get("/api/search?q=nam&limits=3")
        assert (wrong.status_code, wrong.json()["parameter"]) == (400, "limits")


async def test_a_search_reads_no_field_that_is_not_the_caller_s(communes: TestDatabase) -> None:
    closed(communes, "name")
    async with application(communes.settings) as client:
        assert (await client.get("/api/search?q=nam")).json()["features"] == []
        assert len((await client.get("/api/search?q=920")).json()["features"]) == 1
        entry = (await client.get("/api/layers")).json()["layers"][0]
        assert entry["label"] is None and [f["name"] for f in entry["fields"]] == ["code"]
    closed(communes, "name", "code")
    async with application(communes.settings) as client:
        nothing = await client.get("/api/search?q=nam")
        assert nothing.status_code == 404 and "no names" in nothing.json()["detail"]
