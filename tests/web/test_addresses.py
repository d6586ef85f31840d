"""What every address answers: its methods, its one spelling, the formats and boxes asked for."""

import httpx
import pytest
from starlette.requests import Request

from geoserver_app.core.crs import CRS84
from geoserver_app.core.errors import BadParameter, UnknownFormat
from geoserver_app.ogc.params import read_window
from geoserver_app.web.respond import negotiate

READ = "GET, HEAD, OPTIONS"
OFFERED = {"json": "application/geo+json", "html": "text/html"}


@pytest.mark.parametrize("path", ["/", "/api/layers", "/ogc", "/ogc/collections", "/readyz", "/tiles/a/0/0/0.mvt"])
async def test_an_address_tells_its_methods_and_refuses_others_naming_them(
    client: httpx.AsyncClient, path: str
) -> None:
    told = await client.options(path)
    assert (told.status_code, told.headers["allow"]) == (204, READ)
    refused = await client.delete(path)
    assert (refused.status_code, refused.headers["allow"]) == (405, READ)


@pytest.mark.parametrize("path", ["/ogc/", "/api/layers/", "/ogc/collections/"])
async def test_no_answer_names_the_server_s_inner_address(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code in {200, 404}
    assert "location" not in answer.headers


def choose(accept: str) -> str:
    scope = {"type": "http", "query_string": b"", "headers": [(b"accept", accept.encode())]}
    return negotiate(Request(scope), OFFERED)


def test_a_format_refused_by_its_weight_is_not_sent() -> None:
    assert choose("application/json;q=0.1") == "json"
    assert choose("application/geo+json;q=0, */*;q=0.1") == "html"
    assert choose("text/html;Q=0, */*") == "json"
    with pytest.raises(UnknownFormat):
        choose("application/geo+json;q=0, application/json;q=0.1")


def test_a_box_a_turn_around_the_world_is_brought_back_or_refused() -> None:
    assert read_window("364,50,365,51", CRS84).box == (4.0, 50.0, 5.0, 51.0)
    assert read_window("-356,50,-355,51", CRS84).box == (4.0, 50.0, 5.0, 51.0)
    assert read_window("-200,50,200,51", CRS84).box == (-180.0, 50.0, 180.0, 51.0)
    with pytest.raises(BadParameter) as refused:
        read_window("800,50,801,51", CRS84)
    assert refused.value.locator == "bbox"
