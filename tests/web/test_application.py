"""The application's frame: errors, limits, readiness."""

import asyncio
import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from geoserver_app.auth.accounts import create_key
from geoserver_app.core.layer import Layer, Licence, Text
from geoserver_app.core.publication import Publication, Published
from geoserver_app.settings import BadSettings, read_settings
from tests.conftest import TestDatabase, application
from tests.tiles.hand import Row, publish, with_folders
from tests.tiles.hand import layer as by_hand


async def test_it_is_ready_when_the_database_answers(client: httpx.AsyncClient) -> None:
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["database"] is True
    assert (await client.get("/healthz")).text == "alive\n"


async def test_it_is_alive_but_not_ready_without_a_database(database: TestDatabase) -> None:
    async with application(database.settings) as client:
        await client.app.state.parts.database.close()  # type: ignore[attr-defined]
        gone = dataclasses.replace(database.settings, app_database_url="postgresql://nobody@127.0.0.1:1/none")
        client.app.state.parts.database = type(client.app.state.parts.database).open(  # type: ignore[attr-defined]
            gone.app_database_url, gone
        )
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["database"] is False


async def numbers(client: httpx.AsyncClient, **headers: str) -> dict[str, float]:
    """Samples by name and labels, as a Prometheus would read them."""
    answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.text)
    return {",".join((s.name, *s.labels.values())): s.value for family in families for s in family.samples}


async def test_the_metrics_tell_of_mistakes_and_of_the_age_of_layers(database: TestDatabase, tmp_path: Path) -> None:
    installed = with_folders(database, tmp_path)
    rows: list[Row] = [(7, "POINT(184781.2 128873.1)", {})]
    publish(installed, by_hand("hydrants"), rows)
    publish(installed, by_hand("stock", read=frozenset({"municipality"})), rows)
    key = create_key(installed.owner_url, "municipality", (), "a test")
    async with application(dataclasses.replace(installed.settings, catalogue_poll_s=0.2)) as client:
        before = await numbers(client)
        assert (before["maillage_catalogue_mistakes"], before["maillage_layers_published"]) == (0, 2)
        assert 0 <= before["maillage_layer_age_seconds,hydrants"] < 600
        assert before["process_resident_memory_bytes"] > 0
        assert "maillage_layer_age_seconds,stock" not in before
        assert "maillage_layer_age_seconds,stock" in await numbers(client, **{"X-API-Key": key})
        (installed.settings.styles / "hydrants.json").write_text("{}")
        async with asyncio.timeout(20):
            while not (await numbers(client))["maillage_catalogue_mistakes"]:
                await asyncio.sleep(0.05)
            while not (await numbers(client))["maillage_revision_listening"]:
                await asyncio.sleep(0.05)
        assert (await client.get("/readyz")).status_code == 200


async def test_an_unknown_address_is_a_problem_document(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_an_unknown_key_is_401_with_a_challenge(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/layers", headers={"X-API-Key": "maillage_wrong"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_an_unforeseen_error_is_told_as_an_id_only(client: httpx.AsyncClient) -> None:
    app: FastAPI = client.app  # type: ignore[attr-defined]

    async def broken() -> None:
        raise RuntimeError("a secret of the inside")

    app.add_api_route("/broken", broken)
    answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert answer.headers["x-request-id"] in answer.json()["detail"]


async def test_a_request_larger_than_the_limit_is_refused(database: TestDatabase) -> None:
    async with application(dataclasses.replace(database.settings, request_bytes_max=1000)) as client:
        answer = await client.post("/api/layers", content=b"x" * 2000)
        assert answer.status_code == 413
        assert answer.json()["title"] == "Too large"


async def test_head_answers_as_get_without_a_body(client: httpx.AsyncClient) -> None:
    got, head = await client.get("/api/layers"), await client.head("/api/layers")
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    assert head.headers["etag"] == got.headers["etag"]


async def test_the_layer_list_is_not_sent_again_when_nothing_changed(client: httpx.AsyncClient) -> None:
    first = await client.get("/api/layers")
    again = await client.get("/api/layers", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_every_setting_that_cannot_be_read_is_named() -> None:
    try:
        read_settings({"MAILLAGE_PORT": "eighty", "MAILLAGE_WORKERS": "two"})
    except BadSettings as error:
        assert "MAILLAGE_PORT" in str(error) and "MAILLAGE_WORKERS" in str(error)
    else:
        raise AssertionError("nothing was refused")


def test_the_environment_overrides_a_default_and_an_argument_overrides_both() -> None:
    assert read_settings({"MAILLAGE_PORT": "9000"}).port == 9000
    assert read_settings({"MAILLAGE_PORT": "9000"}, port=9001).port == 9001
    assert read_settings({"MAILLAGE_PORT": ""}).port == 8080


async def test_web_maps_on_other_hosts_may_ask_and_caches_stay_shared(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/layers", headers={"Origin": "https://commune.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "origin" not in answer.headers.get("vary", "").lower().split(", ")
    preflight = {"Origin": "https://commune.example", "Access-Control-Request-Method": "GET"}
    asked = await client.options(
        "/api/layers", headers={**preflight, "Access-Control-Request-Headers": "authorization"}
    )
    assert asked.status_code == 204
    assert "Authorization" in asked.headers["access-control-allow-headers"]


def published(exercise: int, count: int) -> Published:
    licence = Licence("CC-BY-4.0", "Source : SPW", date="2021-03-24")
    layer = Layer("roads", Text("Routes", "Roads"), "MultiLineString", 31370, (), licence)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    rows = Publication("roads", 1, 1, "roads_p1", (), frozenset(), frozenset(), 31370, count, None, moment)
    return Published(layer, dataclasses.replace(rows, exercise_count=exercise))


def test_fictional_rows_carry_no_real_attribution_or_date() -> None:
    assert (published(0, 5).licence.attribution, published(0, 5).date) == ("Source : SPW", "2021-03-24")
    assert (published(5, 5).licence.attribution, published(5, 5).date) == ("Exercice — données fictives", None)
    assert published(2, 5).licence.attribution == "Source : SPW · Exercice — données fictives"
