"""Items and single features over HTTP."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from geoserver_app.core.crs import CRS84_URI

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
HYDRANTS = "/ogc/collections/hydrants/items"
GRID = "/ogc/collections/grid/items"


async def items(web: httpx.AsyncClient, address: str, **parameters: Any) -> dict[str, Any]:
    answer = await web.get(address, params=parameters or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ids(web: httpx.AsyncClient, address: str = HYDRANTS, **parameters: Any) -> list[int]:
    return [feature["id"] for feature in (await items(web, address, **parameters))["features"]]


def link(document: dict[str, Any], rel: str) -> str | None:
    return next((one["href"] for one in document["links"] if one["rel"] == rel), None)


async def walk(web: httpx.AsyncClient, address: str, **parameters: Any) -> list[list[int]]:
    """Ids of all pages, following `next`."""
    document = await items(web, address, **parameters)
    pages = [[feature["id"] for feature in document["features"]]]
    while href := link(document, "next"):
        document = await items(web, href)
        pages.append([feature["id"] for feature in document["features"]])
        assert len(pages) < 300
    return pages


async def test_a_page_is_a_feature_collection_with_its_counts_and_links(web: httpx.AsyncClient) -> None:
    answer = await web.get(GRID)
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["content-crs"] == f"<{CRS84_URI}>"
    document = answer.json()
    assert document["type"] == "FeatureCollection"
    assert document["numberReturned"] == len(document["features"]) == 100
    assert document["numberMatched"] == 2_500
    assert document["timeStamp"].endswith("Z")
    assert {one["rel"] for one in document["links"]} >= {"self", "alternate", "next", "collection"}
    assert all(one["href"].startswith("http://test/") and one["type"] for one in document["links"])


@pytest.mark.parametrize(
    "parameters",
    [
        {"limit": 1000},
        {"limit": 333},
        {"limit": 77, "sortby": "label,-n"},
        {"limit": 90, "sortby": "-label"},
        {"limit": 120, "filter": "n >= 1234"},
        {"limit": 500, "label": "a"},
    ],
)
async def test_following_next_meets_every_feature_once(web: httpx.AsyncClient, parameters: dict[str, Any]) -> None:
    pages = await walk(web, GRID, **parameters)
    assert all(len(page) == parameters["limit"] for page in pages[:-1])
    met = [one for page in pages for one in page]
    assert len(met) == len(set(met))
    expected = {"filter": 2_500 - 1_234, "label": 750}
    assert len(met) == next((n for name, n in expected.items() if name in parameters), 2_500)


async def test_next_is_there_exactly_when_more_follow(web: httpx.AsyncClient) -> None:
    assert link(await items(web, HYDRANTS, limit=4), "next")
    assert not link(await items(web, HYDRANTS, limit=5), "next")
    assert not link(await items(web, HYDRANTS, limit=6), "next")


async def test_a_next_link_is_plain_pairs_and_takes_another_page_size(web: httpx.AsyncClient) -> None:
    href = link(await items(web, GRID, limit=10, filter="n > 5", sortby="-n"), "next")
    assert href
    pairs = dict(parse_qsl(urlsplit(href).query, strict_parsing=True))
    assert {"limit": "10", "filter": "n > 5", "sortby": "-n"}.items() <= pairs.items()
    assert "cursor" in pairs
    pairs["limit"] = "1000"
    assert await ids(web, GRID, **pairs) == list(range(2490, 1490, -1))


async def test_the_number_matched_is_the_sum_of_the_pages(web: httpx.AsyncClient) -> None:
    document = await items(web, GRID, limit=300, bbox="4.5,50.3,4.7,50.5")
    pages = await walk(web, GRID, limit=300, bbox="4.5,50.3,4.7,50.5")
    assert document["numberMatched"] == sum(map(len, pages)) > 300 - 100


async def test_beyond_the_bound_the_number_matched_is_left_out(web: httpx.AsyncClient) -> None:
    assert "numberMatched" not in await items(web, GRID, filter="n >= 0", limit=10)
    assert (await items(web, GRID, filter="n >= 600", limit=10))["numberMatched"] == 1_900


async def test_later_pages_say_the_same_number_matched(web: httpx.AsyncClient) -> None:
    document = await items(web, GRID, filter="n >= 1000", limit=900)
    href = link(document, "next")
    assert href
    assert (await items(web, href))["numberMatched"] == document["numberMatched"] == 1_500


async def test_a_page_larger_than_the_largest_is_the_largest(web: httpx.AsyncClient) -> None:
    assert len(await ids(web, GRID, limit=1_000_000)) == 1_000


@pytest.mark.parametrize("limit", ["0", "-1", "abc", "", "1.5", "١", "1e3", "99999999999999999999999999"])
async def test_what_is_no_page_size_is_a_400(web: httpx.AsyncClient, limit: str) -> None:
    answer = await web.get(GRID, params={"limit": limit})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["parameter"] == "limit"


@pytest.mark.parametrize(
    "address",
    [
        "/ogc",
        "/ogc/conformance",
        "/ogc/api",
        "/ogc/collections",
        "/ogc/collections/grid",
        "/ogc/collections/grid/queryables",
        "/ogc/collections/grid/schema",
        "/ogc/collections/grid/items",
        "/ogc/collections/grid/items/1",
    ],
)
async def test_an_unknown_parameter_is_a_400_everywhere(web: httpx.AsyncClient, address: str) -> None:
    answer = await web.get(address, params={"unknownQueryParameter": "x"})
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "unknownQueryParameter"


async def test_a_parameter_given_twice_is_a_400(web: httpx.AsyncClient) -> None:
    assert (await web.get(f"{GRID}?limit=1&limit=2")).status_code == 400


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ("5.19,50.49,5.26,50.53", {1, 2}),
        ("5.19,50.49,0,5.26,50.53,100", {1, 2}),
        ("177,65,-177,70", set()),
        ("170,-90,5.27,90", {1, 2}),
        ("-180,-90,180,90", {1, 2, 3, 4, 5}),
        ("-180,85,180,90", set()),
        ("-180,-90,180,-85", set()),
        ("-1,50,1,52", set()),
        ("-200,-100,200,100", {1, 2, 3, 4, 5}),
    ],
)
async def test_a_box_finds_what_lies_in_it(web: httpx.AsyncClient, bbox: str, expected: set[int]) -> None:
    assert set(await ids(web, bbox=bbox)) == expected


@pytest.mark.parametrize(
    ("crs", "bbox"),
    [
        (CRS84_URI, "5.19,50.49,5.26,50.53"),
        (f"{EPSG}4326", "50.49,5.19,50.53,5.26"),
        (f"{EPSG}31370", "208300,131300,213200,135900"),
        (f"{EPSG}3812", "708300,631300,713200,635900"),
        (f"{EPSG}3857", "577800,6531500,585600,6538400"),
        ("EPSG:31370", "208300,131300,213200,135900"),
        ("urn:ogc:def:crs:EPSG::4326", "50.49,5.19,50.53,5.26"),
    ],
)
async def test_boxes_in_metres_and_degrees_find_the_same(web: httpx.AsyncClient, crs: str, bbox: str) -> None:
    assert await ids(web, **{"bbox": bbox, "bbox-crs": crs}) == [1, 2]


@pytest.mark.parametrize(
    "bbox",
    ["1,2,3", "a,b,c,d", "", "1,2,3,4,5", "1,2,nan,4", "1,2,inf,4", "1,5,2,4", "1;2;3;4", "1,2,3,4,5,6,7,8"],
)
async def test_what_is_no_box_is_a_400(web: httpx.AsyncClient, bbox: str) -> None:
    answer = await web.get(HYDRANTS, params={"bbox": bbox})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "bbox")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01T12:00:00Z", {1}),
        ("2024-01-01", {1}),
        ("2023-01-01/2024-01-01", {1, 4}),
        ("2024-01-01/P2D", {1}),
        ("2024-01-01T12:00:01Z/P400D", {2}),
        ("P1Y/2024-01-01", {1}),
        ("../2023-12-31", {4, 5}),
        ("/2023-12-31", {4, 5}),
        ("2024-01-02/..", {2}),
        ("2024-01-02T00:00:00+02:00/", {2}),
        ("../..", {1, 2, 4, 5}),
    ],
)
async def test_times_find_what_happened_in_them(web: httpx.AsyncClient, text: str, expected: set[int]) -> None:
    assert set(await ids(web, datetime=text)) == expected


async def test_a_layer_without_times_answers_any_time_with_all(web: httpx.AsyncClient) -> None:
    assert len(await ids(web, "/ogc/collections/areas/items", datetime="2024-01-01/P2D")) == 4


@pytest.mark.parametrize(
    "text", ["x", "", "2024-13-01", "2024-01-02/2024-01-01", "2024-01-01/P", "P1D", "2024", "1/2/3"]
)
async def test_what_is_no_time_is_a_400(web: httpx.AsyncClient, text: str) -> None:
    answer = await web.get(HYDRANTS, params={"datetime": text})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "datetime")


@pytest.mark.parametrize(
    ("crs", "expected", "within"),
    [
        (CRS84_URI, [5.2, 50.5], 1e-7),
        (f"{EPSG}4326", [50.5, 5.2], 1e-7),
        (f"{EPSG}31370", [208972.183, 132464.658], 0.01),
        (f"{EPSG}3857", [578861.352, 6533321.568], 0.01),
    ],
)
@pytest.mark.parametrize("address", [f"{HYDRANTS}?limit=1", f"{HYDRANTS}/1"])
async def test_coordinates_leave_in_the_system_asked_and_the_header_says_so(
    web: httpx.AsyncClient, address: str, crs: str, expected: list[float], within: float
) -> None:
    answer = await web.get(str(httpx.URL(address).copy_merge_params({"crs": crs})))
    assert answer.headers["content-crs"] == f"<{crs}>"
    feature = answer.json()["features"][0] if "features" in answer.json() else answer.json()
    assert feature["geometry"]["coordinates"] == pytest.approx(expected, abs=within)


@pytest.mark.parametrize("name", ["crs", "bbox-crs", "filter-crs"])
@pytest.mark.parametrize("value", [f"{EPSG}99999", f"{EPSG}2154", "nonsense", ""])
async def test_a_system_not_offered_is_a_400(web: httpx.AsyncClient, name: str, value: str) -> None:
    answer = await web.get(HYDRANTS, params={name: value})
    assert (answer.status_code, answer.json()["parameter"]) == (400, name)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"filter": "flow = 500"}, {2, 4}),
        ({"filter": "flow = 500", "filter-lang": "cql2-text"}, {2, 4}),
        ({"filter": '{"op":"=","args":[{"property":"flow"},500]}', "filter-lang": "cql2-json"}, {2, 4}),
        ({"flow": "500"}, {2, 4}),
        ({"flow": "500", "kind": "pillar"}, {2}),
        ({"flow": "500", "filter": "kind = 'ground'"}, {4}),
        ({"name": "O'Hara 100%"}, {4}),
        ({"working": "true"}, {1, 3}),
        ({"checked": "2024-01-01"}, {1}),
        ({"exercise": "true"}, {5}),
        ({"filter": "S_INTERSECTS(geom, BBOX(50.49,5.19,50.53,5.26))", "filter-crs": f"{EPSG}4326"}, {1, 2}),
        ({"filter": "S_INTERSECTS(geom, BBOX(208300,131300,213200,135900))", "filter-crs": f"{EPSG}31370"}, {1, 2}),
        ({"filter": "S_INTERSECTS(geom, BBOX(5.19,50.49,5.26,50.53))", "bbox": "5.24,50,6,51"}, {2}),
    ],
)
async def test_filters_find(web: httpx.AsyncClient, parameters: dict[str, str], expected: set[int]) -> None:
    assert set(await ids(web, **parameters)) == expected


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"filter": "flow = "}, "filter"),
        ({"filter": ""}, "filter"),
        ({"filter": "nothing = 1"}, "nothing"),
        ({"filter": "{"}, "filter"),
        ({"filter": "{", "filter-lang": "cql2-json"}, "filter"),
        ({"filter": "a=1", "filter-lang": "ecql"}, "filter-lang"),
        ({"flow": "many"}, "flow"),
        ({"working": "perhaps"}, "working"),
        ({"checked": "soon"}, "checked"),
        ({"sortby": "nothing"}, "sortby"),
        ({"sortby": ""}, "sortby"),
        ({"sortby": "flow,-flow"}, "sortby"),
        ({"properties": "name,nothing"}, "properties"),
        ({"skipGeometry": "maybe"}, "skipGeometry"),
        ({"cursor": "x"}, "cursor"),
        ({"lang": "nl"}, "lang"),
        ({"f": "shp"}, "f"),
    ],
)
async def test_what_cannot_be_read_is_a_400_that_names_it(
    web: httpx.AsyncClient, parameters: dict[str, str], named: str
) -> None:
    answer = await web.get(HYDRANTS, params=parameters)
    assert (answer.status_code, answer.json().get("parameter")) == (400, named)


async def test_order_and_properties_are_as_asked(web: httpx.AsyncClient) -> None:
    assert await ids(web, sortby="+flow") == [2, 4, 1, 5, 3]
    assert await ids(web, sortby="-flow,name") == [5, 1, 2, 4, 3]
    found = await items(web, HYDRANTS, properties="flow,name", skipGeometry="true", limit=1)
    assert found["features"][0]["properties"] == {"name": "Éclair", "flow": 1000}
    assert found["features"][0]["geometry"] is None


async def test_one_feature_has_its_links(web: httpx.AsyncClient) -> None:
    answer = await web.get(f"{HYDRANTS}/4")
    assert answer.status_code == 200
    document = answer.json()
    assert document["id"] == 4
    assert document["properties"]["name"] == "O'Hara 100%"
    assert link(document, "self") == "http://test/ogc/collections/hydrants/items/4?f=json"
    assert link(document, "collection") == "http://test/ogc/collections/hydrants"


@pytest.mark.parametrize("name", ["6", "0", "-1", "abc", "9223372036854775808", "1.0", "%00", "1'", "٣"])
async def test_a_feature_that_is_not_there_is_a_404(web: httpx.AsyncClient, name: str) -> None:
    answer = await web.get(f"{HYDRANTS}/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_collection_that_is_not_there_is_a_404(web: httpx.AsyncClient) -> None:
    for path in ("", "/items", "/items/1", "/queryables", "/schema", "/sortables"):
        assert (await web.get(f"/ogc/collections/dUmmYColLection{path}")).status_code == 404


async def test_an_unchanged_answer_is_a_304_without_a_query(web: httpx.AsyncClient) -> None:
    first = await web.get(GRID, params={"limit": 3})
    again = await web.get(GRID, params={"limit": 3}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = await web.get(GRID, params={"limit": 4}, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


async def test_head_and_options_answer(web: httpx.AsyncClient) -> None:
    head = await web.head(HYDRANTS)
    assert (head.status_code, head.content) == (200, b"")
    for address in (HYDRANTS, f"{HYDRANTS}/1"):
        options = await web.options(address)
        assert options.status_code == 204
        assert options.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("method", "address"), [("POST", HYDRANTS), ("PUT", f"{HYDRANTS}/1"), ("PATCH", f"{HYDRANTS}/1"),
                            ("DELETE", f"{HYDRANTS}/1")],
)  # fmt: skip
async def test_nobody_writes_a_loaded_layer(
    web: httpx.AsyncClient, coordinator: dict[str, str], method: str, address: str
) -> None:
    stranger = await web.request(method, address, json={})
    assert stranger.status_code == 401
    assert "WWW-Authenticate" in stranger.headers
    known = await web.request(method, address, json={}, headers=coordinator)
    assert known.status_code == 405
    assert known.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_a_layer_for_few_is_not_there_for_others(web: httpx.AsyncClient, coordinator: dict[str, str]) -> None:
    secret = "/ogc/collections/secret/items"
    assert (await web.get(secret)).status_code == 404
    listed = (await web.get("/ogc/collections")).json()["collections"]
    assert "secret" not in {one["id"] for one in listed}
    mine = await web.get(secret, headers=coordinator)
    assert mine.status_code == 200
    assert "private" in mine.headers["cache-control"]
    assert "Authorization" in mine.headers["vary"]
    public = await web.get(secret, headers={"If-None-Match": mine.headers["etag"]})
    assert public.status_code == 404


async def test_a_field_for_few_is_not_there_for_others(web: httpx.AsyncClient, coordinator: dict[str, str]) -> None:
    assert "phone" not in (await items(web, f"{GRID}/1"))["properties"]
    for parameters in ({"filter": "phone = '04/0'"}, {"phone": "04/0"}, {"sortby": "phone"}, {"properties": "phone"}):
        assert (await web.get(GRID, params=parameters)).status_code == 400
    mine = await web.get(f"{GRID}/1", headers=coordinator)
    assert mine.json()["properties"]["phone"] == "04/0"
    found = await web.get(GRID, params={"phone": "04/7"}, headers=coordinator)
    assert [feature["id"] for feature in found.json()["features"]] == [8]


NASTY = ["' OR '1'='1", "1; DROP TABLE reference.grid_p1; --", '"', "\\", "%", "$1", "%s", ":x", "\x00", "\ud7ff",
         "() => {}", "1)) OR ((1=1", "/* */", "--", "😀", "x" * 5_000]  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY)
async def test_no_value_of_any_parameter_reaches_sql_as_words(web: httpx.AsyncClient, nasty: str) -> None:
    names = ["bbox", "bbox-crs", "crs", "datetime", "limit", "cursor", "filter", "filter-lang", "filter-crs", "sortby",
             "properties", "skipGeometry", "f", "lang", "name", "kind", "flow", "pressure", "working", "checked",
             "seen", "exercise"]  # fmt: skip
    for name in names:
        answer = await web.get(HYDRANTS, params={name: nasty})
        assert answer.status_code in {200, 400}, (name, answer.text)
        if answer.status_code == 200:
            assert answer.json()["features"] == []
    for text in (f"name = '{nasty}'", f'"{nasty}" = 1', f"name LIKE '{nasty}'", f"casei(name) = casei('{nasty}')"):
        assert (await web.get(HYDRANTS, params={"filter": text})).status_code in {200, 400}
    assert len(await ids(web)) == 5


async def test_bytes_that_are_no_text_are_a_400(web: httpx.AsyncClient) -> None:
    assert (await web.get(f"{HYDRANTS}?%2525=%2525")).status_code == 400
    assert (await web.get(f"{HYDRANTS}?filter=%ff%fe")).status_code == 400


async def test_answers_are_compressed_for_those_who_take_it(web: httpx.AsyncClient) -> None:
    for address in (f"{GRID}?limit=500", f"{GRID}?f=csv", "/ogc/collections"):
        plain = await web.get(address, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        packed = await web.get(address, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["etag"] == plain.headers["etag"]
        assert "Accept-Encoding" in packed.headers["vary"]
        if "csv" in address:
            assert packed.content == plain.content
        refused = await web.get(address, headers={"Accept-Encoding": "gzip;q=0, identity"})
        assert "content-encoding" not in refused.headers
