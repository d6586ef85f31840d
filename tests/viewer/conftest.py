"""A real Chromium before a running server; every page is watched for errors and foreign requests."""

import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright, expect

CHROMIUM = Path("/usr/bin/chromium")
OUTPUT = Path(__file__).resolve().parents[1] / "output"
ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
    "--disable-component-update",
]
PATIENCE_MS = 60_000
"""Software rendering on a busy machine is slow; what is waited for is a condition, not this time."""
DESKTOP: ViewportSize = {"width": 1280, "height": 800}


@dataclass
class Watched:
    """What a page did that it must not do."""

    origin: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("console", lambda message: self._say(message.type, message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._see(request.url))

    def _say(self, kind: str, text: str) -> None:
        # Chromium tells of its own software rendering; nothing here can change that.
        if kind in {"error", "warning"} and "GPU stall" not in text:
            self.errors.append(f"{kind}: {text}")

    def _see(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != urlsplit(self.origin).netloc:
            self.foreign.append(url)


@dataclass(frozen=True)
class Visit:
    """One visitor: a browser profile of its own, and what it must not do."""

    context: BrowserContext
    watched: Watched
    url: str

    async def open(self, address: str = "") -> Page:
        """Open the map at an address after the `#`, and wait until everything on it is drawn."""
        page = await self.context.new_page()
        self.watched.follow(page)
        await page.goto(f"{self.url}/{address}")
        await drawn(page)
        return page


Visitor = Callable[..., Awaitable[Visit]]


async def drawn(page: Page) -> None:
    """Wait until the map has drawn all that it asked for."""
    await page.locator("html[data-map=idle]").wait_for(state="attached", timeout=PATIENCE_MS)


async def shot(page: Page, name: str) -> None:
    OUTPUT.mkdir(exist_ok=True)
    await page.screenshot(path=OUTPUT / f"viewer-{name}.png")


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Debian's Chromium is not installed (apt-get install chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        await opened.close()


@pytest.fixture
async def visitor(browser: Browser, served_url: str) -> AsyncIterator[Visitor]:
    """Make visitors; at the end none of them may have seen an error or asked another host."""
    visits: list[Visit] = []

    async def visit(**options: Any) -> Visit:
        context = await browser.new_context(**{"viewport": DESKTOP, "locale": "fr-BE", **options})
        context.set_default_timeout(PATIENCE_MS)
        visits.append(Visit(context, Watched(served_url), served_url.rstrip("/")))
        return visits[-1]

    yield visit
    for one in visits:
        await one.context.close()
    assert [one.watched.errors for one in visits if one.watched.errors] == []
    assert [one.watched.foreign for one in visits if one.watched.foreign] == []


@pytest.fixture
async def visit(visitor: Visitor) -> Visit:
    return await visitor()


@pytest.fixture(scope="session")
def catalog(served_url: str) -> dict[str, Any]:
    """The layer list as the server tells it."""
    return ask(f"{served_url}/api/layers")


def ask(url: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"Accept": "application/geo+json, application/json"})
    with urllib.request.urlopen(request) as answer:
        body: dict[str, Any] = json.load(answer)
    return body
