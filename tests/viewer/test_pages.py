"""How the built web map is served: caching, compression, policy, glyphs."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from geoserver_app.app import tell
from geoserver_app.core.errors import GeoError
from geoserver_app.viewer.bundle import Bundle
from geoserver_app.viewer.pages import Viewer

LICENCES = '[{"name": "a-map", "version": "1.2", "licence": "MIT", "text": "Do <what> you like"}]'


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A bundle of a few bytes."""
    files = {
        "index.html": b"<!doctype html><title>Maillage</title>",
        "assets/viewer-ABC.js": b"let plain = 1;",
        "assets/viewer-ABC.js.br": b"as brotli",
        "assets/viewer-ABC.js.gz": b"as gzip",
        "sprites/maillage.png": b"\x89PNG",
        "glyphs/Noto Sans Regular/0-255.pbf": b"regular letters",
        "glyphs/Noto Sans Bold/0-255.pbf": b"bold letters",
        "licences.json": LICENCES.encode(),
    }
    for name, body in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return tmp_path


async def client_of(dist: Path) -> AsyncIterator[httpx.AsyncClient]:
    viewer = Viewer(Bundle(dist))
    app = FastAPI()
    app.add_exception_handler(GeoError, tell)
    app.include_router(viewer.router)
    app.add_api_route("/", viewer.index, response_model=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        client.headers["Accept-Encoding"] = "identity"
        yield client


@pytest.fixture
async def client(dist: Path) -> AsyncIterator[httpx.AsyncClient]:
    async for client in client_of(dist):
        yield client


async def test_the_page_forbids_everything_but_its_own_origin(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy and "unsafe" not in policy and "*" not in policy
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_hashed_assets_are_kept_for_ever(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/viewer-ABC.js")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [("gzip, br", "br", b"as brotli"), ("gzip", "gzip", b"as gzip"), ("br;q=0", None, b"let plain = 1;")],
)
async def test_the_best_coding_the_client_takes_is_sent(
    client: httpx.AsyncClient, accepted: str, coding: str | None, body: bytes
) -> None:
    async with client.stream("GET", "/assets/viewer-ABC.js", headers={"Accept-Encoding": accepted}) as answer:
        assert answer.headers.get("Content-Encoding") == coding
        assert b"".join([part async for part in answer.aiter_raw()]) == body
        assert answer.headers["Vary"] == "Accept-Encoding"


async def test_what_the_client_has_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/sprites/maillage.png")
    again = await client.get("/sprites/maillage.png", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""


async def test_the_first_font_we_have_is_taken_from_a_stack(client: httpx.AsyncClient) -> None:
    answer = await client.get("/glyphs/Comic Sans,Noto Sans Bold/0-255.pbf")
    assert answer.content == b"bold letters"
    assert (await client.get("/glyphs/Comic Sans/0-255.pbf")).content == b"regular letters"


async def test_a_range_without_letters_is_empty_and_not_an_error(client: httpx.AsyncClient) -> None:
    answer = await client.get("/glyphs/Noto Sans Regular/19968-20223.pbf")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/assets/none.js", "/assets/..%2Findex.html", "/sprites/..%2F..%2Fpages.py"])
async def test_nothing_but_the_bundle_can_be_read(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_the_licences_of_others_are_told(client: httpx.AsyncClient) -> None:
    answer = await client.get("/licences")
    assert "a-map 1.2" in answer.text
    assert "Do &lt;what&gt; you like" in answer.text


async def test_a_viewer_that_was_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    async for client in client_of(tmp_path):
        answer = await client.get("/")
        assert answer.status_code == 503
        assert "script/server" in answer.text
