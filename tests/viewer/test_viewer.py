"""The web map as people use it: layers, attributes, languages, links, search, small screens."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.viewer.conftest import Visit, Visitor, ask, drawn, shot

pytestmark = pytest.mark.browser


async def rendered(page: Page, layer: str) -> int:
    """How many features of a layer are drawn."""
    script = """id => {
      const map = window.maillage.map;
      const layers = map.getLayersOrder().filter(name => name.startsWith(id + "/"));
      return map.queryRenderedFeatures({ layers }).length;
    }"""
    count: int = await page.evaluate(script, layer)
    return count


async def middle(page: Page) -> tuple[float, float]:
    """The middle of the map, in pixels of the page."""
    x, y = await page.evaluate(
        "() => { const r = document.getElementById('map').getBoundingClientRect();"
        " return [r.x + r.width / 2, r.y + r.height / 2]; }"
    )
    return x, y


def layer_of(catalog: dict[str, Any], layer: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in catalog["layers"] if one["id"] == layer)
    return found


def first_site(visit: Visit, layer: str = "seveso_sites") -> tuple[float, float, dict[str, Any]]:
    """Longitude, latitude and properties of a layer's first point."""
    feature = ask(f"{visit.url}/ogc/collections/{layer}/items?limit=1")["features"][0]
    coordinates = feature["geometry"]["coordinates"]
    lon, lat = coordinates[0] if isinstance(coordinates[0], list) else coordinates
    return lon, lat, feature["properties"]


async def test_every_published_layer_is_listed_with_its_source_and_date(visit: Visit, catalog: dict[str, Any]) -> None:
    page = await visit.open()
    listed = await page.locator("[data-layer] .title").all_inner_texts()
    assert sorted(listed) == sorted(one["title"]["fr"] for one in catalog["layers"])
    await page.click("#open-communes")
    about = page.locator("#about-communes")
    await expect(about).to_contain_text(layer_of(catalog, "communes")["attribution"])
    await expect(about).to_contain_text("Chargé le")
    await shot(page, "day")


async def test_a_layer_is_hidden_and_shown_by_its_switch(visit: Visit) -> None:
    page = await visit.open("#layers=communes,seveso_sites")
    assert await rendered(page, "seveso_sites") > 0
    await page.click("label[for=layer-seveso_sites]")
    await drawn(page)
    assert await rendered(page, "seveso_sites") == 0
    assert await rendered(page, "communes") > 0
    await page.focus("#layer-seveso_sites")
    await page.keyboard.press("Space")
    await expect(page.locator("#layer-seveso_sites")).to_be_focused()
    await drawn(page)
    assert await rendered(page, "seveso_sites") > 0


async def test_a_click_tells_the_attributes_in_french_then_in_english(visit: Visit, catalog: dict[str, Any]) -> None:
    lon, lat, properties = first_site(visit)
    about = layer_of(catalog, "seveso_sites")
    told = [one for one in about["fields"] if properties.get(one["name"]) not in {None, ""}]
    coded = [code for one in told for code in one["codes"] if code["value"] == str(properties[one["name"]])]
    page = await visit.open(f"#map=15/{lat}/{lon}&layers=seveso_sites")
    await page.mouse.click(*await middle(page))
    card = page.locator(".card")
    await expect(card.locator("details[data-complete]")).to_have_count(1)
    for language in ("fr", "en"):
        await page.click(f"#language-{language}")
        await expect(card).to_contain_text(about["title"][language])
        for one in told:
            if one["name"] != about["label"]:
                await expect(card.locator("dt", has_text=one["title"][language]).first).to_be_visible()
        for code in coded:
            await expect(card).to_contain_text(code["title"][language])
        await shot(page, f"card-{language}")
    await page.keyboard.press("Escape")
    await expect(card).to_have_count(0)


async def test_a_zone_of_risk_tells_how_severe_it_is(visit: Visit, catalog: dict[str, Any]) -> None:
    lon, lat, _ = first_site(visit)
    assert layer_of(catalog, "seveso_zones")["risk"]["kind"]
    page = await visit.open(f"#map=16/{lat}/{lon}&layers=seveso_zones")
    await page.mouse.click(*await middle(page))
    await expect(page.locator(".card .badge").first).to_contain_text("Gravité")


async def test_the_language_is_switched_and_remembered(visit: Visit) -> None:
    page = await visit.open()
    await expect(page.locator("html")).to_have_attribute("lang", "fr")
    await expect(page.locator("#search")).to_have_attribute("placeholder", "Commune ou coordonnées")
    await page.click("#language-en")
    await expect(page.locator("#search")).to_have_attribute("placeholder", "Municipality or coordinates")
    await expect(page.locator(".maplibregl-canvas")).to_have_attribute("aria-label", "Situation map")
    again = await visit.open()
    await expect(again.locator("html")).to_have_attribute("lang", "en")


async def test_a_link_shows_the_same_map_to_someone_else(visitor: Visitor) -> None:
    sender = await (await visitor()).open("#map=12.5/50.52/5.24&layers=communes,seveso_sites,flood_hazard:35&lang=en")
    await sender.click("label[for=layer-seveso_sites]")
    await sender.click("#theme")
    await expect(sender.locator("html")).to_have_attribute("data-theme", "dark")
    link = await sender.evaluate("location.hash")
    receiver = await (await visitor()).open(link)
    assert await receiver.evaluate("location.hash") == link
    assert "map=12.50/50.52000/5.24000" in link
    await expect(receiver.locator("html")).to_have_attribute("lang", "en")
    await expect(receiver.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(receiver.locator("#layer-communes")).to_be_checked()
    await expect(receiver.locator("#layer-seveso_sites")).not_to_be_checked()
    await receiver.click("#open-flood_hazard")
    await expect(receiver.locator("#opacity-flood_hazard")).to_have_value("35")
    assert await receiver.evaluate("window.maillage.map.getZoom()") == 12.5


async def test_the_legend_names_the_classes_in_the_language_chosen(visit: Visit, catalog: dict[str, Any]) -> None:
    zones = next(one for one in layer_of(catalog, "nuclear_zones")["fields"] if one["name"] == "zone")
    page = await visit.open("#layers=nuclear_zones")
    legend = page.locator("[data-layer=nuclear_zones] .legend li")
    for language in ("fr", "en"):
        await page.click(f"#language-{language}")
        await expect(legend).to_have_text([code["title"][language] for code in zones["codes"]])
    assert await legend.locator("svg").count() == len(zones["codes"])


@pytest.mark.parametrize(
    ("layer", "french", "english"),
    [
        ("regional_roads", ["Autoroute", "Route nationale ou ring"], ["Motorway", "National or ring road"]),
        ("seveso_sites", ["Seuil haut", "Seuil bas"], ["Upper tier", "Lower tier"]),
        ("seveso_zones", ["Seuil haut", "Seuil bas"], ["Upper tier", "Lower tier"]),
    ],
)
async def test_the_legend_says_what_the_style_calls_its_classes(
    visit: Visit, layer: str, french: list[str], english: list[str]
) -> None:
    page = await visit.open(f"#layers={layer}")
    legend = page.locator(f"[data-layer={layer}] .legend li")
    for language, names in (("fr", french), ("en", english)):
        await page.click(f"#language-{language}")
        await expect(legend).to_have_text(names)
    first, second = [await one.locator("svg").inner_html() for one in await legend.all()]
    assert first != second


async def test_no_legend_shows_a_piece_of_a_filter_as_a_class(visit: Visit, catalog: dict[str, Any]) -> None:
    page = await visit.open("#layers=" + ",".join(one["id"] for one in catalog["layers"]) + "&lang=en")
    names = await page.locator(".legend li").all_inner_texts()
    assert names
    assert [name for name in names if not name.strip() or name[0].islower()] == []


async def test_the_coordinates_follow_when_the_map_moves_under_a_resting_pointer(visit: Visit) -> None:
    page = await visit.open("#map=14/50.51641/5.23421&layers=communes")
    value = page.locator(".readout .value").first
    await page.mouse.move(*await middle(page))
    await expect(value).to_contain_text("50,5164")
    await page.evaluate("() => window.maillage.map.jumpTo({ center: [5.05, 50.71] })")
    await expect(value).to_contain_text("50,7100")
    await page.mouse.move(200, 300)  # over the panel
    await page.evaluate("() => window.maillage.map.jumpTo({ center: [5.25, 50.61] })")
    await expect(value).to_contain_text("50,6100")


@pytest.mark.parametrize(("locale", "language"), [("en-GB", "en"), ("fr-BE", "fr"), ("nl-BE", "fr")])
async def test_a_first_visit_speaks_the_language_of_the_browser(visitor: Visitor, locale: str, language: str) -> None:
    page = await (await visitor(locale=locale)).open()
    await expect(page.locator("html")).to_have_attribute("lang", language)


async def test_a_language_once_chosen_outweighs_that_of_the_browser(visitor: Visitor) -> None:
    visit = await visitor(locale="en-GB")
    page = await visit.open("#lang=fr")
    await expect(page.locator("html")).to_have_attribute("lang", "fr")
    await page.click("#language-fr")
    again = await visit.open()
    await expect(again.locator("html")).to_have_attribute("lang", "fr")


async def test_the_age_of_made_up_data_is_not_asked_for(visit: Visit, catalog: dict[str, Any]) -> None:
    about = layer_of(catalog, "seveso_sites")
    assert about["exercise"] == about["count"]
    page = await visit.open("#layers=seveso_sites")
    hint = page.locator("[data-layer=seveso_sites] .names .hint").first
    await expect(hint).to_have_text("Exercice — données fictives")
    await page.click("#language-en")
    await expect(hint).to_have_text(f"fictional data · {about['attribution']}")
    await page.click("#open-seveso_sites")
    await expect(page.locator("#about-seveso_sites")).to_contain_text("fictional data")
    await page.locator(".sources summary").click()
    await expect(page.locator(".sources")).to_contain_text("fictional data")


async def test_whom_a_layer_is_from_can_be_read_whole(visit: Visit) -> None:
    page = await visit.open("#layers=seveso_sites")
    script = "element => element.scrollWidth <= element.clientWidth && element.scrollHeight <= element.clientHeight"
    assert await page.locator("[data-layer=seveso_sites] .names .hint").first.evaluate(script)


async def test_the_opacity_of_a_layer_fades_what_is_drawn(visit: Visit) -> None:
    page = await visit.open("#layers=communes,flood_hazard")
    await page.click("#open-flood_hazard")
    script = """() => {
      const map = window.maillage.map;
      const id = map.getLayersOrder().find(n => n.startsWith("flood_hazard/") && map.getLayer(n).type === "fill");
      return map.getPaintProperty(id, "fill-opacity");
    }"""
    before = await page.evaluate(script)
    await page.locator("#opacity-flood_hazard").fill("50")
    await expect(page.locator("#about-flood_hazard output")).to_have_text("50 %")
    after = await page.evaluate(script)
    assert after == (before / 2 if isinstance(before, int | float) else ["*", 0.5, before])
    assert "flood_hazard:50" in await page.evaluate("location.hash")


async def test_a_commune_is_found_with_the_keyboard_alone(visit: Visit) -> None:
    page = await visit.open()
    await page.keyboard.press("/")
    field = page.get_by_role("combobox")
    await expect(field).to_be_focused()
    await page.keyboard.type("heron")
    option = page.get_by_role("option", name="Héron")
    await expect(option).to_be_visible()
    await expect(field).to_have_attribute("aria-expanded", "true")
    await page.keyboard.press("ArrowDown")
    await expect(option).to_have_attribute("aria-selected", "true")
    identifier = await option.get_attribute("id")
    assert identifier
    await expect(field).to_have_attribute("aria-activedescendant", identifier)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("listbox")).to_be_hidden()
    west, south, east, north = ask(f"{visit.url}/api/search?q=heron")["features"][0]["bbox"]
    script = """([west, south, east, north]) => {
      const box = window.maillage.map.getBounds();
      return !window.maillage.map.isMoving() && box.contains([west, south]) && box.contains([east, north])
        && box.getEast() - box.getWest() < 12 * (east - west);
    }"""
    await wait_until(page, script, [west, south, east, north])
    await shot(page, "search")


async def test_typed_coordinates_are_a_place_too(visit: Visit) -> None:
    page = await visit.open()
    await page.fill("#search", "211377.8 134317.6")
    await page.get_by_role("option").first.wait_for()
    await page.keyboard.press("Enter")
    await wait_until(page, "() => !window.maillage.map.isMoving() && window.maillage.map.getZoom() >= 15", None)
    lon, lat = await page.evaluate(
        "() => { const r = document.querySelector('.pin').getBoundingClientRect();"
        " const m = document.getElementById('map').getBoundingClientRect();"
        " const at = window.maillage.map.unproject([r.x + r.width / 2 - m.x, r.y + r.height / 2 - m.y]);"
        " return [at.lng, at.lat]; }"
    )
    assert lon == pytest.approx(5.23421, abs=2e-4)
    assert lat == pytest.approx(50.51641, abs=2e-4)


async def test_the_pointer_is_told_in_three_systems_and_a_click_copies(visitor: Visitor) -> None:
    visit = await visitor(permissions=["clipboard-read", "clipboard-write"])
    page = await visit.open("#map=18/50.51641/5.23421&layers=communes")
    await page.mouse.move(*await middle(page))
    buttons = page.locator(".readout button")
    await expect(buttons.nth(0)).to_contain_text("50,5164")
    readings = [await buttons.nth(at).locator(".value").inner_text() for at in range(3)]
    for reading, expected in zip(readings[1:], [(211377.8, 134317.6), (711381.2, 634325.6)], strict=True):
        x, y = (int(re.sub(r"\D", "", part)) for part in re.split(r"\s{2,}", reading.strip()))
        assert [x, y] == pytest.approx(list(expected), abs=2)
    await buttons.nth(1).click()
    await expect(page.locator(".toast.shown")).to_contain_text("Copié")
    assert (await page.evaluate("navigator.clipboard.readText()")).startswith("2113")


async def test_dark_mode_follows_the_system_until_one_chooses(visitor: Visitor) -> None:
    visit = await visitor(color_scheme="dark")
    page = await visit.open()
    paper = "() => window.maillage.map.getPaintProperty('maillage:paper', 'background-color')"
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = await page.evaluate(paper)
    await shot(page, "dark")
    await page.click("#theme")
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
    await drawn(page)
    assert await page.evaluate(paper) != dark
    again = await visit.open()
    await expect(again.locator("html")).to_have_attribute("data-theme", "light")


async def test_on_a_phone_the_layers_are_a_sheet_that_opens(visitor: Visitor) -> None:
    visit = await visitor(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = await visit.open()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await expect(page.locator(".layers")).to_be_hidden()
    await expect(page.locator("#search")).to_be_in_viewport()
    await shot(page, "phone")
    await page.tap("#show-panel")
    await expect(page.locator("#show-panel")).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("label[for=layer-communes]")).to_be_attached()
    await expect(page.locator(".layers .title").first).to_be_in_viewport()
    await shot(page, "phone-layers")
    await page.tap("#show-panel")
    await expect(page.locator(".layers")).to_be_hidden()


async def test_the_panel_makes_room_and_comes_back(visit: Visit) -> None:
    page = await visit.open()
    await page.click("#panel")
    await expect(page.locator(".layers")).to_be_hidden()
    await expect(page.locator("#panel")).to_have_attribute("aria-expanded", "false")
    await page.keyboard.press("Enter")
    await expect(page.locator(".layers")).to_be_visible()


async def test_the_banner_says_that_the_data_are_fictional(visit: Visit, catalog: dict[str, Any]) -> None:
    assert catalog["exercise"] is True
    page = await visit.open()
    await expect(page.locator(".banner")).to_have_text("EXERCICE — données fictives")
    await page.click("#language-en")
    await expect(page.locator(".banner")).to_have_text("EXERCISE — fictional data")


async def test_an_unreachable_server_is_told_and_so_is_its_return(visit: Visit) -> None:
    page = await visit.open()
    await visit.context.set_offline(True)
    await expect(page.locator(".alarm")).to_contain_text("Serveur injoignable")
    await visit.context.set_offline(False)
    await expect(page.locator(".alarm")).to_be_hidden()
    visit.watched.errors.clear()  # the browser itself reports the requests that failed meanwhile


async def test_a_browser_without_webgl2_is_told_in_words(visit: Visit) -> None:
    await visit.context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page = await visit.context.new_page()
    await page.goto(f"{visit.url}/")
    await expect(page.get_by_role("alert")).to_contain_text("WebGL 2")
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_attribute("href", "ogc")


async def test_everything_can_be_reached_with_the_tab_key(visit: Visit) -> None:
    page = await visit.open()
    reached = set()
    for _ in range(120):
        await page.keyboard.press("Tab")
        reached.add(await page.evaluate("document.activeElement.id || document.activeElement.className"))
    for wanted in ("language-en", "theme", "search", "layer-communes", "open-communes", "control-zoomIn"):
        assert wanted in reached
    assert any("maplibregl-canvas" in one for one in reached)


async def test_the_keyboard_asks_what_is_in_the_middle_of_the_map(visit: Visit) -> None:
    lon, lat, _ = first_site(visit)
    page = await visit.open(f"#map=15/{lat}/{lon}&layers=seveso_sites")
    await page.focus(".maplibregl-canvas")
    await page.keyboard.press("Enter")
    await expect(page.locator(".card [data-layer=seveso_sites]")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator(".card")).to_have_count(0)


async def wait_until(page: Page, script: str, argument: object) -> None:
    """Wait for a condition the page computes; the page's policy forbids evaluating text inside it."""
    for _ in range(600):
        if await page.evaluate(script, argument):
            return
        await page.evaluate("() => new Promise(done => requestAnimationFrame(done))")
        await page.wait_for_timeout(50)
    raise AssertionError(f"never became true: {script}")
