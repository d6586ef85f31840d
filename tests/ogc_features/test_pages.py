"""Pages for people."""

import re
from html.parser import HTMLParser

import httpx
import pytest

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
ADDRESSES = [
    "/ogc",
    "/ogc/conformance",
    "/ogc/api",
    "/ogc/api.html",
    "/ogc/collections",
    "/ogc/collections/grid",
    "/ogc/collections/grid/queryables",
    "/ogc/collections/grid/schema",
    "/ogc/collections/grid/sortables",
    "/ogc/collections/grid/items",
    "/ogc/collections/hydrants/items?sortby=-flow&lang=en",
    "/ogc/collections/grid/items/2",
]
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Balanced(HTMLParser):
    """Notes tags that are not closed in order, links, and anything inline a strict policy would stop."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.wrong += [name for name in told if name == "style" or name.startswith("on")]
        if tag == "script" and not told.get("src"):
            self.wrong.append("inline script")
        if tag == "a":
            self.links.append(told.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


async def page(web: httpx.AsyncClient, address: str) -> tuple[str, Balanced]:
    answer = await web.get(address, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    read = Balanced()
    read.feed(answer.text)
    return answer.text, read


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_browser_gets_a_whole_page_with_nothing_inline(web: httpx.AsyncClient, address: str) -> None:
    text, read = await page(web, address)
    assert text.startswith("<!doctype html>")
    assert read.wrong == []
    assert read.open == []


@pytest.mark.parametrize("address", ADDRESSES)
async def test_every_link_of_a_page_to_the_api_leads_somewhere(web: httpx.AsyncClient, address: str) -> None:
    _, read = await page(web, address)
    for href in set(read.links):
        if href.startswith("http://test/ogc"):
            assert (await web.get(href, headers=BROWSER)).status_code == 200, href


async def test_what_a_layer_says_is_text_and_never_markup(web: httpx.AsyncClient) -> None:
    text, _ = await page(web, "/ogc/collections/grid")
    assert "Grille &lt;b&gt;" in text
    assert "Grille <b>" not in text


async def test_a_table_shows_titles_units_and_the_names_of_codes(web: httpx.AsyncClient) -> None:
    french, _ = await page(web, "/ogc/collections/hydrants/items?lang=fr")
    assert "Débit <small>(L/min)</small>" in french
    assert "<td>Borne</td>" in french
    assert "<td>oui</td>" in french
    english, _ = await page(web, "/ogc/collections/hydrants/items?lang=en")
    assert "<td>Pillar</td>" in english
    assert "<td>yes</td>" in english
    assert "Exercise: fictional data." in english


async def test_pages_of_a_table_follow_each_other_to_the_end(web: httpx.AsyncClient) -> None:
    address, seen = "/ogc/collections/grid/items?lang=en&limit=900", 0
    while address:
        text, _ = await page(web, address)
        seen += len(re.findall(r'<th scope="row">', text))
        found = re.search(r'<a rel="next" href="([^"]+)"', text)
        address = found[1].replace("&amp;", "&") if found else ""
    assert seen == 2_500


async def test_a_page_says_so_where_programs_find_the_same(web: httpx.AsyncClient) -> None:
    text, _ = await page(web, "/ogc/collections/grid/items?label=a")
    assert (
        '<link rel="alternate" type="application/geo+json" href="http://test/ogc/collections/grid/items?label=a&amp;f=json">'
        in text
    )


async def test_the_style_sheet_is_served_and_nothing_beside_it(web: httpx.AsyncClient) -> None:
    answer = await web.get("/ogc/static/pages.css")
    assert answer.headers["content-type"].startswith("text/css")
    for name in ("..%2fpages.py", "%2e%2e/pages.py", "x"):
        assert (await web.get(f"/ogc/static/{name}")).status_code == 404
