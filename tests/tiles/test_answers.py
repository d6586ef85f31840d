"""How tiles are answered: validators, addresses by revision, codings, access, mistakes."""

import dataclasses

import brotli
import httpx
import psycopg
import pytest
import zstandard
from isal import isal_zlib

from geoserver_app.auth.accounts import create_key
from geoserver_app.core.layer import Licence
from geoserver_app.tiles.source import TileSource
from tests.conftest import TestDatabase, application
from tests.tiles.hand import Row, decode, describe, field, layer, publish

CONTROL = "POINT(184781.2 128873.1)"
TILE = "16/33652/22092"
YEAR = "public, max-age=31536000, immutable"


def key_for(database: TestDatabase, role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_key(database.owner_url, role, (), 'a test')}"}


def vary(answer: httpx.Response) -> set[str]:
    """What the answer depends on, but for the word CORS adds."""
    return {name.strip() for name in answer.headers["vary"].split(",")} - {"Origin"}


def drop_rows(database: TestDatabase, name: str) -> None:
    """Take the tables away: whoever asks the database now fails."""
    with psycopg.connect(database.owner_url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'reference' AND tablename LIKE %s", (f"{name}_p%",)
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"DROP TABLE reference.{table}")


async def test_a_conditional_request_costs_no_query(empty: TestDatabase) -> None:
    publish(empty, layer("points"), [(7, CONTROL, {})])
    async with application(empty.settings) as client:
        first = await client.get(f"/tiles/points/{TILE}.mvt")
        drop_rows(empty, "points")
        again = await client.get(f"/tiles/points/{TILE}.mvt", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert vary(again) == {"Accept-Encoding"}
        # From memory, without the table.
        assert (await client.get(f"/tiles/points/{TILE}.mvt")).content == first.content
        assert (await client.get("/tiles/points/8/131/86.mvt")).status_code == 500


async def test_the_tilejson_address_is_immutable_and_an_older_one_leads_to_it(empty: TestDatabase) -> None:
    publish(empty, layer("points"), [(7, CONTROL, {})])
    async with application(empty.settings) as client:
        assert (await client.get(f"/tiles/points/{TILE}.mvt")).headers["cache-control"] == "no-cache"
        plain = await client.get(f"/tiles/points/{TILE}.mvt?rev=1")
        assert plain.headers["cache-control"] == YEAR
        told = (await client.get("/tiles/points.json")).json()["tiles"][0]
        address = told.replace("{z}/{x}/{y}", TILE)
        assert "rev=1" in address
        pinned = await client.get(address)
        assert (pinned.status_code, pinned.headers["cache-control"]) == (200, YEAR)

        publish(empty, layer("points"), [(8, CONTROL, {})])
        await client.app.state.parts.revisions.refresh()  # type: ignore[attr-defined]
        for old in (
            address,
            f"http://test/tiles/points/{TILE}.mvt?rev=1",
            f"http://test/tiles/points/{TILE}.mvt?rev=9",
        ):
            moved = await client.get(old)
            assert (moved.status_code, moved.headers["cache-control"]) == (307, "no-cache")
            assert "rev=2" in moved.headers["location"]
            followed = await client.get(moved.headers["location"])
            assert set(decode(followed.content)["points"]) == {8}
            assert followed.headers["cache-control"] == YEAR


async def test_a_client_that_saw_a_newer_revision_is_not_answered_from_an_older_one(empty: TestDatabase) -> None:
    publish(empty, layer("points"), [(7, CONTROL, {})])
    async with application(empty.settings) as client:
        revisions = client.app.state.parts.revisions  # type: ignore[attr-defined]
        await client.get(f"/tiles/points/{TILE}.mvt")
        await revisions.stop()
        revisions.connected = True  # a worker that believes it hears, and does not
        publish(empty, layer("points"), [(8, CONTROL, {})])
        assert set(decode((await client.get(f"/tiles/points/{TILE}.mvt?rev=1")).content)["points"]) == {7}
        newer = await client.get(f"/tiles/points/{TILE}.mvt?rev=2")
        assert newer.status_code == 200
        assert set(decode(newer.content)["points"]) == {8}
        await revisions.start()


async def test_several_layers_join_their_revisions(empty: TestDatabase) -> None:
    for _ in range(2):
        publish(empty, layer("points"), [(7, CONTROL, {})])
    publish(empty, layer("others"), [(7, CONTROL, {})])
    async with application(empty.settings) as client:
        assert "rev=2-1&" in (await client.get("/tiles/points,others.json")).json()["tiles"][0]
        assert (await client.get(f"/tiles/points,others/{TILE}.mvt?rev=2-1")).headers["cache-control"] == YEAR
        for wrong in ("1-2", "2", "2-1-1", "2-2"):
            moved = await client.get(f"/tiles/points,others/{TILE}.mvt?rev={wrong}")
            assert moved.status_code == 307
            assert moved.headers["location"].startswith(f"http://test/tiles/points,others/{TILE}.mvt?rev=2-1")
        assert (await client.get(f"/tiles/points/{TILE}.mvt?rev=abc")).status_code == 400


async def test_a_changed_description_is_another_address(empty: TestDatabase) -> None:
    publish(empty, layer("points", field("name")), [(7, CONTROL, {"name": "a"})])
    async with application(empty.settings) as client:
        address = (await client.get("/tiles/points.json")).json()["tiles"][0].replace("{z}/{x}/{y}", TILE)
        assert decode((await client.get(address)).content)["points"][7]["properties"] == {"name": "a"}
        describe(empty.settings, layer("points", field("name", tiles=False)))
        async with application(empty.settings) as fresh:
            moved = await fresh.get(address)
            assert moved.status_code == 307
            followed = await fresh.get(moved.headers["location"])
            assert decode(followed.content)["points"][7]["properties"] == {}


async def test_a_tile_travels_in_the_coding_the_client_takes(empty: TestDatabase) -> None:
    rows: list[Row] = [(n, f"POINT({184781.2 + n} 128873.1)", {"name": f"point {n}"}) for n in range(100)]
    publish(empty, layer("points", field("name")), rows)
    expand = {
        "br": brotli.decompress,
        "zstd": lambda data: zstandard.ZstdDecompressor().decompress(data),
        "gzip": lambda data: isal_zlib.decompress(data, wbits=31),
    }
    async with application(empty.settings) as client:
        plain = await raw(client, f"/tiles/points/{TILE}.mvt", "identity")
        assert "content-encoding" not in plain[1]
        for coding, undo in expand.items():
            body, headers = await raw(client, f"/tiles/points/{TILE}.mvt", coding)
            assert headers["content-encoding"] == coding
            assert "Accept-Encoding" in headers["vary"]
            assert len(body) < len(plain[0]) and undo(body) == plain[0]
        source: TileSource = client.app.state.parts.extra[TileSource]  # type: ignore[attr-defined]
        assert source.queries == 1


async def raw(client: httpx.AsyncClient, address: str, coding: str) -> tuple[bytes, httpx.Headers]:
    """The body as it travelled."""
    async with client.stream("GET", address, headers={"Accept-Encoding": coding}) as answer:
        return b"".join([piece async for piece in answer.aiter_raw()]), answer.headers


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("points/1/2/0.mvt", 404),
        ("points/1/0/2.mvt", 404),
        ("points/23/0/0.mvt", 404),
        ("points/16/2147483647/2147483647.mvt", 404),
        ("points/16/9223372036854775807/0.mvt", 404),
        ("points/16/-1/0.mvt", 404),
        ("points/1.5/0/0.mvt", 404),
        ("points/a/b/c.mvt", 404),
        ("points/٣/0/0.mvt", 404),
        ("points/0/0/0.png", 404),
        ("points/0/0/0", 404),
        ("nowhere/0/0/0.mvt", 404),
        ("points,nowhere/0/0/0.mvt", 404),
        ("Points';--/0/0/0.mvt", 404),
        (",/0/0/0.mvt", 404),
        (",".join(f"l{n}" for n in range(40)) + "/0/0/0.mvt", 400),
        ("nowhere.json", 404),
        ("points.xml", 404),
    ],
)
async def test_an_address_without_a_tile_is_a_problem_document(
    broken_client: httpx.AsyncClient, address: str, status: int
) -> None:
    answer = await broken_client.get(f"/tiles/{address}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_restricted_field_reaches_only_those_who_may_see_it(empty: TestDatabase) -> None:
    described = layer("points", field("name"), field("phone", read=frozenset({"municipality"})))
    publish(empty, described, [(7, CONTROL, {"name": "a", "phone": "0470"})])
    key = key_for(empty, "municipality")
    async with application(empty.settings) as client:
        for _ in range(2):
            theirs = await client.get(f"/tiles/points/{TILE}.mvt", headers=key)
            everyones = await client.get(f"/tiles/points/{TILE}.mvt")
            assert decode(theirs.content)["points"][7]["properties"] == {"name": "a", "phone": "0470"}
            assert decode(everyones.content)["points"][7]["properties"] == {"name": "a"}
            assert theirs.headers["cache-control"] == "private, no-cache"
            assert vary(theirs) == vary(everyones) == {"Accept-Encoding", "Authorization", "X-API-Key"}
            assert theirs.headers["etag"] != everyones.headers["etag"]
        address = (await client.get("/tiles/points.json", headers=key)).json()["tiles"][0].replace("{z}/{x}/{y}", TILE)
        assert (await client.get(address)).status_code == 307


async def test_a_layer_that_may_not_be_republished_is_unknown_without_a_key(empty: TestDatabase) -> None:
    closed = dataclasses.replace(
        layer("stock", read=frozenset({"municipality"})), licence=Licence("internal", "© owner", republish=False)
    )
    publish(empty, closed, [(7, CONTROL, {})])
    key = key_for(empty, "municipality")
    async with application(empty.settings) as client:
        for address in (
            f"/tiles/stock/{TILE}.mvt",
            "/tiles/stock.json",
            "/packs/stock.pmtiles",
            "/ogc/collections/stock/tiles",
        ):
            assert (await client.get(address)).status_code == 404, address
        theirs = await client.get(f"/tiles/stock/{TILE}.mvt?rev=1", headers=key)
        assert set(decode(theirs.content)["stock"]) == {7}
        assert theirs.headers["cache-control"] == "private, no-cache"
        etag = {"If-None-Match": theirs.headers["etag"]}
        assert (await client.get(f"/tiles/stock/{TILE}.mvt", headers=etag)).status_code == 404


async def test_tilejson_says_what_a_map_needs(empty: TestDatabase) -> None:
    named = field("name")
    depth = field("depth", "number", unit="m", tiles_from_zoom=12)
    publish(empty, layer("points", named, depth, field("inside", tiles=False)), [(7, CONTROL, {})])
    publish(empty, layer("others"), [(7, "POINT(200000 120000)", {})])
    async with application(empty.settings) as client:
        answer = await client.get("/tiles/points,others.json?lang=en")
        document = answer.json()
        again = await client.get("/tiles/points,others.json?lang=en", headers={"If-None-Match": answer.headers["etag"]})
        french = (await client.get("/tiles/points.json")).json()
    assert again.status_code == 304
    assert document["tilejson"] == "3.0.0"
    assert (document["minzoom"], document["maxzoom"]) == (0, 16)
    assert document["attribution"] == "© points, © others"
    assert document["tiles"][0].startswith("http://test/tiles/points,others/{z}/{x}/{y}.mvt?rev=1-1&d=")
    assert document["vector_layers"][0] == {
        "id": "points",
        "description": "points (en)",
        "minzoom": 0,
        "maxzoom": 16,
        "fields": {"name": "String (name (en))", "depth": "Number (depth (en), m)"},
    }
    assert [entry["id"] for entry in document["vector_layers"]] == ["points", "others"]
    west, south, east, north = document["bounds"]
    assert west == pytest.approx(4.858691, abs=1e-6) and north == pytest.approx(50.469649, abs=1e-6)
    assert east == pytest.approx(5.071874, abs=1e-6) and south == pytest.approx(50.388779, abs=1e-6)
    assert west < document["center"][0] < east and south < document["center"][1] < north
    assert french["name"] == "points (fr)"
