"""Tiles that failed are asked again, and the map says that it lacks them."""

import pytest
from playwright.async_api import Page, Route, expect

from tests.viewer.conftest import Visit, drawn

pytestmark = pytest.mark.browser

TILES = "**/tiles/**/*.mvt*"
START = "#map=13/50.52/5.24&layers=communes,seveso_zones&lang=fr"
ELSEWHERE = "() => window.maillage.map.jumpTo({ center: [5.05, 50.7], zoom: 12 })"
COMMUNES = """() => window.maillage.map.queryRenderedFeatures()
    .filter(feature => feature.source === "communes" && feature.layer.type === "line").length"""


async def refuse(route: Route) -> None:
    await route.fulfill(status=503, body="busy")


async def lose(route: Route) -> None:
    await route.abort()


@pytest.mark.parametrize("fail", [refuse, lose])
async def test_tiles_that_failed_come_without_moving_the_map(visit: Visit, fail: object) -> None:
    page = await visit.open(START)
    await page.route(TILES, fail)  # type: ignore[arg-type]
    await page.evaluate(ELSEWHERE)
    await expect(page.locator(".alarm")).to_have_text("Carte incomplète : nouvelle tentative…")
    await expect(page.locator(".foot .fresh")).to_have_text("Carte incomplète : nouvelle tentative…")
    assert await page.evaluate(COMMUNES) == 0
    await page.unroute(TILES)
    await recovered(page)
    visit.watched.errors.clear()  # the browser itself reports the requests that failed meanwhile


async def test_tiles_that_a_lost_server_did_not_give_come_when_it_is_back(visit: Visit) -> None:
    page = await visit.open(START)
    await visit.context.set_offline(True)
    await expect(page.locator(".alarm")).to_contain_text("Serveur injoignable")
    await page.evaluate(ELSEWHERE)
    await expect(page.locator("html")).to_have_attribute("data-tiles", "missing")
    await visit.context.set_offline(False)
    await recovered(page)
    visit.watched.errors.clear()


async def test_tiles_out_of_sight_are_not_called_missing(visit: Visit) -> None:
    page = await visit.open(START)
    await page.route(TILES, refuse)
    await page.evaluate(ELSEWHERE)
    await expect(page.locator("html")).to_have_attribute("data-tiles", "missing")
    for layer in ("communes", "seveso_zones"):
        await page.click(f"label[for=layer-{layer}]")
    await expect(page.locator(".alarm")).to_be_hidden()
    visit.watched.errors.clear()


async def recovered(page: Page) -> None:
    await expect(page.locator("html")).to_have_attribute("data-tiles", "all")
    await expect(page.locator(".alarm")).to_be_hidden()
    await expect(page.locator(".foot .fresh")).to_contain_text("À jour à")
    await drawn(page)
    assert await page.evaluate(COMMUNES) > 0
