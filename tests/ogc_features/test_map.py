"""The map on the pages, in a real browser."""

import os
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("MAILLAGE_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="module")
def browser(served: str) -> Iterator[Browser]:
    if "data-features" not in httpx.get(f"{served}/ogc/collections/areas/items?f=html").text:
        pytest.skip("the viewer is not built: run script/server once")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.mark.parametrize("path", ["areas/items", "areas/items/2", "hydrants/items?limit=3"])
def test_a_page_shows_its_features_on_a_map(browser: Browser, served: str, path: str) -> None:
    page = browser.new_page()
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served}/ogc/collections/{path}", wait_until="load")
    page.wait_for_selector("#map[data-ready=yes] canvas", timeout=60_000)
    page.close()
    assert told == []
    assert all(url.startswith((served, "blob:", "data:")) for url in asked)


def test_without_javascript_the_page_is_still_a_table(browser: Browser, served: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}/ogc/collections/hydrants/items?lang=en")
    assert page.locator("tbody tr").count() == 5
    assert page.locator("tbody tr").first.inner_text().startswith("1\tÉclair\tPillar")
    context.close()
