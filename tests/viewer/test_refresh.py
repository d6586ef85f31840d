"""A map that stays open shows what is published meanwhile."""

import dataclasses
import json
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.conftest import TestDatabase, maillage, serving
from tests.viewer.conftest import DESKTOP, Visit, Watched, drawn

pytestmark = pytest.mark.browser


def write_points(path: Path, names: list[str]) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Point", "coordinates": [5.2 + at / 100, 50.5]},
        }
        for at, name in enumerate(names)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


async def test_a_layer_published_again_reaches_an_open_map(
    browser: Browser, database: TestDatabase, tmp_path: Path
) -> None:
    for folder in ("layers", "styles"):
        (tmp_path / folder).mkdir()
    settings = dataclasses.replace(database.settings, layers=tmp_path / "layers", styles=tmp_path / "styles")
    file = write_points(tmp_path / "depots.geojson", ["north"])
    added = maillage(settings, "add", str(file))
    assert added.returncode == 0, added.stdout + added.stderr
    with serving(settings) as url:
        context = await browser.new_context(viewport=DESKTOP)
        visit = Visit(context, Watched(url), url)
        page = await visit.open("#map=11/50.5/5.2&layers=depots")
        write_points(file, ["north", "south", "east"])
        again = maillage(settings, "add", str(file), "--replace")
        assert again.returncode == 0, again.stdout + again.stderr
        await page.evaluate("() => window.maillage.refresh()")
        await drawn(page)
        script = "() => window.maillage.map.querySourceFeatures('depots', { sourceLayer: 'depots' }).map(f => f.id)"
        assert len(set(await page.evaluate(script))) == 3
        await page.click("#open-depots")
        await expect(page.locator("#about-depots")).to_contain_text("3")
        assert visit.watched.errors == []
        assert visit.watched.foreign == []
        await context.close()
