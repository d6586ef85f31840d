"""OGC API Tiles 1.0: the documents, their links, and the limits they promise."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import morecantile
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from geoserver_app.core.layer import Zoom
from geoserver_app.ogc.tiles_openapi import openapi_paths
from tests.conftest import TestDatabase, application
from tests.tiles.hand import decode, field, layer, publish, with_folders

CONTROL = "POINT(184781.2 128873.1)"
OTHER = "POINT(200000 120000)"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"


@pytest.fixture(scope="module")
async def ogc(
    shared_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """Two public layers, one without rows, one that needs a key."""
    database = with_folders(shared_database, tmp_path_factory.mktemp("catalogue"))
    named = layer("points", field("name"), field("depth", "number"), field("seen", "datetime"), zoom=Zoom(4, 14))
    publish(database, named, [(1, CONTROL, {"name": "a"}), (2, OTHER, {})])
    publish(database, layer("others", zoom=Zoom(7, 16)), [(1, OTHER, {})])
    publish(database, layer("nothing"), [])
    publish(database, layer("closed", read=frozenset({"municipality"})), [(1, CONTROL, {})])
    async with application(database.settings) as client:
        yield client


async def read(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    document: dict[str, Any] = answer.json()
    return document


def links_of(document: object) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        if "href" in document:
            yield document
        for value in document.values():
            yield from links_of(value)
    elif isinstance(document, list):
        for value in document:
            yield from links_of(value)


async def test_the_grids_are_listed_and_described(ogc: httpx.AsyncClient) -> None:
    listed = (await read(ogc, "/ogc/tileMatrixSets"))["tileMatrixSets"]
    assert [entry["id"] for entry in listed] == ["WebMercatorQuad", "Lambert72"]
    for entry in listed:
        document = await read(ogc, entry["links"][0]["href"])
        assert morecantile.TileMatrixSet.model_validate(document).id == entry["id"]
    assert (await ogc.get("/ogc/tileMatrixSets/Nowhere")).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/ogc/collections/points/tiles",
        "/ogc/collections/points/tiles/WebMercatorQuad",
        "/ogc/collections/points/tiles/Lambert72",
        "/ogc/tiles",
        "/ogc/tiles?collections=points,others",
        "/ogc/tiles/Lambert72?collections=others",
        "/ogc/tileMatrixSets",
    ],
)
async def test_every_link_is_absolute_typed_and_leads_somewhere(ogc: httpx.AsyncClient, address: str) -> None:
    links = list(links_of(await read(ogc, address)))
    assert {link["rel"] for link in links} >= {"self"}
    for link in links:
        assert link["href"].startswith("http://test/ogc/") and link["type"]
        if not link.get("templated"):
            assert (await ogc.get(link["href"])).status_code == 200, link


@pytest.mark.parametrize(
    "address", ["/ogc/collections/points/tiles", "/ogc/tiles", "/ogc/tiles?collections=others,points"]
)
async def test_the_list_itself_has_templates_and_limits_and_they_hold(ogc: httpx.AsyncClient, address: str) -> None:
    for entry in (await read(ogc, address))["tilesets"]:
        assert entry["dataType"] == "vector"
        assert entry["tileMatrixSetURI"].endswith(entry["tileMatrixSetId"])
        (item,) = (link for link in entry["links"] if link["rel"] == "item")
        assert any(link["rel"] == f"{REL}tiling-scheme" for link in entry["links"])
        for limits in entry["tileMatrixSetLimits"]:
            corner = (limits["maxTileRow"], limits["minTileCol"])
            assert (await ogc.get(filled(item, limits["tileMatrix"], *corner))).status_code == 200
            for row, column in (
                (limits["maxTileRow"] + 1, limits["minTileCol"]),
                (limits["minTileRow"], limits["maxTileCol"] + 1),
                (2147483647, 2147483647),
            ):
                beyond = await ogc.get(filled(item, limits["tileMatrix"], row, column))
                assert beyond.status_code == 404, (limits, row, column)


def filled(item: dict[str, Any], matrix: object, row: object, column: object) -> str:
    href: str = item["href"]
    for name, value in (("tileMatrix", matrix), ("tileRow", row), ("tileCol", column)):
        href = href.replace(f"{{{name}}}", str(value))
    return href


async def test_the_limits_are_those_of_the_extent_and_the_zooms(ogc: httpx.AsyncClient) -> None:
    web, lambert = (await read(ogc, "/ogc/collections/points/tiles"))["tilesets"]
    assert [int(limits["tileMatrix"]) for limits in web["tileMatrixSetLimits"]] == list(range(4, 15))
    # 4.8587 to 5.0719 E, 50.3888 to 50.4696 N at zoom 10: columns 525.8 to 526.4, rows 345.2 to 345.6.
    assert web["tileMatrixSetLimits"][6] == {
        "tileMatrix": "10",
        "minTileRow": 345,
        "maxTileRow": 345,
        "minTileCol": 525,
        "maxTileCol": 526,
    }
    # Zoom 14 is level 7 of Lambert72: tiles of 2048 m from (36864, 262144).
    assert [int(limits["tileMatrix"]) for limits in lambert["tileMatrixSetLimits"]] == list(range(8))
    assert lambert["tileMatrixSetLimits"][7] == {
        "tileMatrix": "7",
        "minTileRow": 65,
        "maxTileRow": 69,
        "minTileCol": 72,
        "maxTileCol": 79,
    }


async def test_a_tile_is_the_one_of_the_plain_address(ogc: httpx.AsyncClient) -> None:
    plain = await ogc.get("/tiles/points/12/2103/1380.mvt")
    tile = await ogc.get("/ogc/collections/points/tiles/WebMercatorQuad/12/1380/2103")
    assert tile.content == plain.content and set(decode(tile.content)["points"]) == {1}
    assert tile.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert tile.headers["etag"] == plain.headers["etag"]


async def test_a_dataset_tile_holds_the_collections_asked_for(ogc: httpx.AsyncClient) -> None:
    every = decode((await ogc.get("/ogc/tiles/WebMercatorQuad/8/86/131")).content)
    assert {name: set(found) for name, found in every.items()} == {"points": {1, 2}, "others": {1}}
    some = decode((await ogc.get("/ogc/tiles/WebMercatorQuad/8/86/131?collections=others")).content)
    assert {name: set(found) for name, found in some.items()} == {"others": {1}}
    moved = await ogc.get("/ogc/tiles/WebMercatorQuad/8/86/131?collections=others&rev=7")
    assert moved.status_code == 307
    assert decode((await ogc.get(moved.headers["location"])).content) == some


async def test_a_tile_set_describes_its_layers(ogc: httpx.AsyncClient) -> None:
    document = await read(ogc, "/ogc/tiles/WebMercatorQuad?collections=points,others&lang=en")
    points, others = document["layers"]
    assert (points["id"], points["geometryDimension"], points["minTileMatrix"], points["maxTileMatrix"]) == (
        "points",
        0,
        "4",
        "14",
    )
    assert others["id"] == "others"
    assert points["propertiesSchema"]["properties"] == {
        "name": {"title": "name (en)", "type": "string"},
        "depth": {"title": "depth (en)", "type": "number"},
        "seen": {"title": "seen (en)", "type": "string", "format": "date-time"},
    }
    assert document["attribution"] == "© points, © others"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("collections/points/tiles/WebMercatorQuad/10/9223372036854775808/0", 404),
        ("collections/points/tiles/WebMercatorQuad/99999999999999999999999/0/0", 404),
        ("collections/points/tiles/WebMercatorQuad/10/-1/525", 404),
        ("collections/points/tiles/WebMercatorQuad/ten/345/525", 404),
        ("collections/points/tiles/WebMercatorQuad/10/345/525?f=png", 400),
        ("collections/points/tiles/WebMercatorQuad/10/345/525?limit=3", 400),
        ("collections/points/tiles/Nowhere/10/345/525", 404),
        ("collections/points/tiles/Nowhere", 404),
        ("collections/points/tiles?bbox=1,2,3,4", 400),
        ("collections/nowhere/tiles", 404),
        ("collections/closed/tiles", 404),
        ("collections/closed/tiles/WebMercatorQuad/10/345/525", 404),
        ("collections/nothing/tiles/WebMercatorQuad/0/0/0", 404),
        ("tiles?collections=points,closed", 400),
        ("tiles?collections=", 400),
        ("tiles/WebMercatorQuad/10/345/525?collections=points,nowhere", 400),
    ],
)
async def test_a_mistake_is_told_as_one(ogc: httpx.AsyncClient, address: str, status: int) -> None:
    answer = await ogc.get(f"/ogc/{address}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_below_the_first_zoom_a_tile_is_empty_and_200(ogc: httpx.AsyncClient) -> None:
    answer = await ogc.get("/ogc/collections/points/tiles/WebMercatorQuad/2/1/2")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_documents_are_revalidated(ogc: httpx.AsyncClient) -> None:
    first = await ogc.get("/ogc/collections/points/tiles")
    again = await ogc.get("/ogc/collections/points/tiles", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_the_paths_are_openapi_3_0() -> None:
    paths = openapi_paths()
    document = {"openapi": "3.0.3", "info": {"title": "Tiles", "version": "1"}, "paths": paths}
    OpenAPIV30SpecValidator(document).validate()
    ids = [item["get"]["operationId"] for item in paths.values()]
    assert len(set(ids)) == len(ids)
    tile = paths["/ogc/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"]["get"]
    assert tile["operationId"].endswith(".collection.vector.getTile")
    assert {p["name"] for p in tile["parameters"]} >= {"tileMatrix", "tileRow", "tileCol", "tileMatrixSetId"}
