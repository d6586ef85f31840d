"""Data whose owner withdraws it leaves the public's reach on a running server, mistakes or not."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest

from geoserver_app.auth.accounts import create_key
from geoserver_app.core.access import ANONYMOUS, ROLES, STAFF, principal, readers, seen_by
from geoserver_app.core.errors import UnknownLayer
from geoserver_app.core.layer import Licence
from geoserver_app.tiles.archive import bake
from tests.conftest import TestDatabase, application
from tests.tiles.hand import layer, publish, published, with_folders

TILE = "16/33652/22092"
ADDRESSES = (
    "/ogc/collections/stock",
    "/ogc/collections/stock/items",
    "/ogc/collections/stock/items/7",
    "/ogc/collections/stock/tiles",
    f"/tiles/stock/{TILE}.mvt",
    f"/tiles/stock/{TILE}.mvt?rev=1",
    f"/tiles/open,stock/{TILE}.mvt",
    "/tiles/stock.json",
    "/packs/stock.pmtiles",
    "/styles/stock",
)
LICENCE = "[licence]\n"


@pytest.fixture
def installed(database: TestDatabase, tmp_path: Path) -> TestDatabase:
    """Two public layers of points, `open` and `stock`, the latter with an archive."""
    found = with_folders(database, tmp_path)
    found = replace(found, settings=replace(found.settings, catalogue_poll_s=0.2))
    publish(found, layer("open"), [(7, "POINT(184781.2 128873.1)", {})])
    publish(found, layer("stock"), [(7, "POINT(184781.2 128873.1)", {})], pack="stock-2.pmtiles")
    target = found.settings.home / "packs" / "stock-2.pmtiles"
    bake(published(found, layer("stock")), found.owner_url, target, replace(found.settings, bake_zoom_max=8))
    with_table(found)
    return found


def with_table(database: TestDatabase) -> None:
    """The tables that features are read from."""
    with psycopg.connect(database.owner_url) as connection:
        for name in ("open_p1", "stock_p2"):
            connection.execute(
                f"CREATE TABLE reference.{name} (fid bigint PRIMARY KEY, source_key text, "
                "exercise boolean NOT NULL, geom geometry(Point, 31370) NOT NULL)"
            )
            connection.execute(
                f"INSERT INTO reference.{name} VALUES (7, '7', false, "
                "ST_SetSRID(ST_MakePoint(184781.2, 128873.1), 31370))"
            )


async def until_unknown(client: httpx.AsyncClient, address: str) -> None:
    async with asyncio.timeout(20):
        while (await client.get(address)).status_code != 404:
            await asyncio.sleep(0.05)


async def names(client: httpx.AsyncClient, **headers: str) -> set[str]:
    listed = (await client.get("/api/layers", headers=headers)).json()["layers"]
    collections = (await client.get("/ogc/collections?f=json", headers=headers)).json()["collections"]
    assert {one["id"] for one in collections} == {one["id"] for one in listed}
    return {one["id"] for one in listed}


def forbidden(text: str) -> str:
    return text.replace(LICENCE, f"{LICENCE}republish = false\n")


def explicitly(text: str) -> str:
    return forbidden(text).replace("geometry =", 'read = ["public"]\ngeometry =')


def beside_another_mistake(text: str) -> str:
    return forbidden(text).replace("geometry =", "geometri =")


def not_toml(text: str) -> str:
    return text.replace(LICENCE, f"{LICENCE}republish = False\n")


@pytest.mark.parametrize("change", [forbidden, explicitly, beside_another_mistake, not_toml])
async def test_a_licence_turned_against_republishing_closes_the_layer_everywhere(
    installed: TestDatabase, change: Callable[[str], str]
) -> None:
    file = installed.settings.layers / "stock.toml"
    right = file.read_text()
    key = create_key(installed.owner_url, "municipality", (), "a test")
    async with application(installed.settings) as client:
        for address in ADDRESSES:
            assert (await client.get(address, follow_redirects=True)).status_code == 200, address
        assert await names(client) == {"open", "stock"}
        file.write_text(change(right))
        await until_unknown(client, "/tiles/stock.json")
        for address in ADDRESSES:
            assert (await client.get(address, follow_redirects=True)).status_code == 404, address
        assert await names(client) == {"open"}
        staff = await client.get("/tiles/stock.json", headers={"X-API-Key": key})
        assert (staff.status_code, staff.headers["cache-control"]) == (200, "private, no-cache")
        assert await names(client, **{"X-API-Key": key}) == {"open", "stock"}
        citizen = create_key(installed.owner_url, "citizen", (), "a test")
        assert (await client.get("/tiles/stock.json", headers={"X-API-Key": citizen})).status_code == 404
        file.write_text(right)
        async with asyncio.timeout(20):
            while await names(client) != {"open", "stock"}:
                await asyncio.sleep(0.05)


async def test_a_mistake_elsewhere_does_not_keep_a_withdrawn_layer_open(installed: TestDatabase) -> None:
    layers, styles = installed.settings.layers, installed.settings.styles
    async with application(installed.settings) as client:
        (styles / "open.json").write_text("{")
        async with asyncio.timeout(20):
            while not (await client.get("/readyz")).json()["mistakes"]:
                await asyncio.sleep(0.05)
        assert await names(client) == {"open", "stock"}
        file = layers / "stock.toml"
        file.write_text(forbidden(file.read_text()))
        await until_unknown(client, "/tiles/stock.json")
        assert await names(client) == {"open"}
        # Away for a moment is not allowed again.
        file.rename(file.with_suffix(".away"))
        (styles / "open.json").write_text("[]")
        async with asyncio.timeout(20):
            while "object" not in str((await client.get("/readyz")).json()["mistakes"]):
                await asyncio.sleep(0.05)
        assert await names(client) == {"open"}


def test_no_layer_that_may_not_be_republished_is_seen_by_the_public_whatever_its_readers() -> None:
    for role in ROLES:
        stock = replace(layer("stock", read=frozenset({role})), licence=Licence("internal", "©", republish=False))
        for caller in (ANONYMOUS, principal("citizen")):
            with pytest.raises(UnknownLayer):
                seen_by(stock, caller)
        assert seen_by(stock, principal("administrator")).read == readers(stock) <= STAFF
