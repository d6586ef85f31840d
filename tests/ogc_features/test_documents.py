"""Landing page, conformance, definition, collections and their schemas."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
import jsonschema
import openapi_spec_validator
import pytest

from geoserver_app.core.crs import CRS84_URI

REL = "http://www.opengis.net/def/rel/ogc/1.0/"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"


async def get(web: httpx.AsyncClient, address: str, **headers: str) -> dict[str, Any]:
    answer = await web.get(address, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rels(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["rel"]: one for one in document["links"]}


@pytest.mark.parametrize("address", ["/ogc", "/ogc/", "/"])
async def test_the_landing_page_leads_to_everything(web: httpx.AsyncClient, address: str) -> None:
    document = await get(web, address, Accept="application/json")
    found = rels(document)
    for rel in ("self", "alternate", "service-desc", "service-doc", "conformance", "data", f"{REL}tilesets-vector"):
        assert found[rel]["type"], rel
        assert found[rel]["href"].startswith("http://test/"), rel
    assert found["service-desc"]["type"] == OPENAPI
    for rel in ("service-desc", "service-doc", "conformance", "data", f"{REL}tilesets-vector", f"{REL}tiling-schemes"):
        assert (await web.get(found[rel]["href"])).status_code == 200, rel


async def test_every_link_of_every_document_has_a_type_and_is_answered(web: httpx.AsyncClient) -> None:
    seen, waiting = set(), ["http://test/ogc"]
    while waiting:
        address = waiting.pop()
        if address in seen or not address.startswith("http://test/ogc"):
            continue
        seen.add(address)
        answer = await web.get(address)
        assert answer.status_code == 200, address
        if "json" not in answer.headers["content-type"] or "cursor=" in address:
            continue
        document = answer.json()
        for part in (document, *document.get("collections", ())):
            for link in part.get("links", ()):
                assert link["type"], link
                if not link.get("templated") and "{" not in link["href"]:
                    waiting.append(link["href"])
    assert len(seen) > 30


async def test_conformance_declares_what_clients_look_for(web: httpx.AsyncClient) -> None:
    declared = set((await get(web, "/ogc/conformance"))["conformsTo"])
    cql = "http://www.opengis.net/spec/cql2/1.0/conf/"
    features = "http://www.opengis.net/spec/ogcapi-features-"
    assert declared >= {
        f"{features}1/1.0/conf/core",
        f"{features}1/1.0/conf/geojson",
        f"{features}1/1.0/conf/html",
        f"{features}1/1.0/conf/oas30",
        f"{features}2/1.0/conf/crs",
        f"{features}3/1.0/conf/filter",
        f"{features}3/1.0/conf/features-filter",
        f"{features}5/1.0/conf/schemas",
        f"{cql}cql2-text",
        f"{cql}cql2-json",
        f"{cql}basic-cql2",
        f"{cql}advanced-comparison-operators",
        f"{cql}case-insensitive-comparison",
        f"{cql}basic-spatial-functions",
        f"{cql}basic-spatial-operators",
    }


async def test_the_definition_is_valid_openapi_3_0(web: httpx.AsyncClient) -> None:
    answer = await web.get("/ogc/api")
    assert answer.headers["content-type"].replace(" ", "") == OPENAPI
    document = answer.json()
    openapi_spec_validator.validate(document)
    assert document["openapi"].startswith("3.0")
    assert document["servers"][0]["url"] == "http://test/ogc"


async def test_parameters_are_defined_as_the_standard_demands(web: httpx.AsyncClient) -> None:
    parameters = (await get(web, "/ogc/api"))["components"]["parameters"]
    form = {"in": "query", "required": False, "style": "form", "explode": False}
    limit, bbox, moment = parameters["limit"], parameters["bbox"], parameters["datetime"]
    for one in (limit, bbox, moment):
        assert form.items() <= one.items()
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}
    assert bbox["schema"] == {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
    assert moment["schema"]["type"] == "string"


async def test_every_path_of_the_definition_is_answered(web: httpx.AsyncClient) -> None:
    document = await get(web, "/ogc/api")
    values = {"collectionId": "grid", "featureId": "1", "tileMatrixSetId": "WebMercatorQuad", "tileMatrix": "0",
              "tileRow": "0", "tileCol": "0"}  # fmt: skip
    for path in document["paths"]:
        if "tileCol" in path:
            continue  # needs a band table; the tiles have tests of their own
        address = document["servers"][0]["url"] + path.format(**values)
        assert (await web.get(address)).status_code == 200, address


async def test_every_parameter_of_the_definition_is_taken(web: httpx.AsyncClient) -> None:
    document = await get(web, "/ogc/api")
    named = [
        one["$ref"].rsplit("/", 1)[1]
        for one in document["paths"]["/collections/{collectionId}/items"]["get"]["parameters"]
    ]
    for name in named:
        parameter = document["components"]["parameters"][name]
        if parameter["in"] == "query":
            answer = await web.get("/ogc/collections/grid/items", params={name: "?"})
            assert "there is no parameter" not in answer.text, name


async def test_collections_say_where_when_and_in_which_systems(web: httpx.AsyncClient) -> None:
    document = await get(web, "/ogc/collections")
    assert [one["id"] for one in document["collections"]] != []
    for one in document["collections"]:
        assert one == await get(web, f"/ogc/collections/{one['id']}") | {"links": one["links"]}
        assert one["itemType"] == "feature"
        assert one["crs"][0] == CRS84_URI
        assert one["storageCrs"] in one["crs"]
        west, south, east, north = one["extent"]["spatial"]["bbox"][0]
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90
        links = rels(one)
        for rel in ("self", "items", f"{REL}queryables", f"{REL}schema", "license", f"{REL}tilesets-vector"):
            assert links[rel]["type"], rel
        offered = {link["type"] for link in one["links"] if link["rel"] == "items"}
        assert {"application/geo+json", "text/html", "application/vnd.flatgeobuf"} <= offered
    hydrants = next(one for one in document["collections"] if one["id"] == "hydrants")
    ((start, end),) = hydrants["extent"]["temporal"]["interval"]
    assert datetime.fromisoformat(start).year == 2022
    assert datetime.fromisoformat(end).year == 2024


async def test_titles_come_in_the_language_asked(web: httpx.AsyncClient) -> None:
    assert (await get(web, "/ogc/collections/areas"))["title"] == "Zones"
    assert (await get(web, "/ogc/collections/areas?lang=en"))["title"] == "Areas"
    english = {"Accept-Language": "en-GB,fr;q=0.5"}
    assert (await get(web, "/ogc/collections/areas", **english))["title"] == "Areas"


@pytest.mark.parametrize("word", ["queryables", "schema", "sortables"])
async def test_fields_are_told_as_json_schema(web: httpx.AsyncClient, word: str) -> None:
    answer = await web.get(f"/ogc/collections/hydrants/{word}?lang=en")
    assert answer.headers["content-type"] == "application/schema+json"
    document = answer.json()
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"http://test/ogc/collections/hydrants/{word}"
    properties = document["properties"]
    assert properties["flow"] == {"title": "Flow", "type": "integer", "x-ogc-unit": "L/min"} | (
        {"x-ogc-propertySeq": 5} if word == "schema" else {}
    )
    assert properties["checked"]["format"] == "date"
    assert properties["seen"]["format"] == "date-time"
    assert properties["kind"]["oneOf"] == [{"const": "pillar", "title": "Pillar"}]
    assert ("geometry" in properties) == (word != "sortables")


async def test_features_follow_their_schema(web: httpx.AsyncClient) -> None:
    schema = await get(web, "/ogc/collections/areas/schema")
    assert schema["properties"]["geometry"]["format"] == "geometry-multipolygon"
    assert schema["properties"]["id"]["x-ogc-role"] == "id"
    feature = await get(web, "/ogc/collections/areas/items/1")
    assert set(feature["properties"]) == set(schema["properties"]) - {"id", "geometry"}


async def test_shells_of_areas_run_counterclockwise(web: httpx.AsyncClient) -> None:
    ring = (await get(web, "/ogc/collections/areas/items/1"))["geometry"]["coordinates"][0][0]
    assert sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in pairwise(ring)) < 0


async def test_an_unchanged_document_is_a_304(web: httpx.AsyncClient) -> None:
    for address in ("/ogc", "/ogc/api", "/ogc/collections", "/ogc/collections/grid", "/ogc/conformance"):
        first = await web.get(address)
        again = await web.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304, address


async def test_a_format_nobody_offers_is_a_406_or_a_400(web: httpx.AsyncClient) -> None:
    assert (await web.get("/ogc/collections", headers={"Accept": "image/png"})).status_code == 406
    assert (await web.get("/ogc/collections?f=xml")).status_code == 400
