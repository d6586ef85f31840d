"""A running server takes up changed files, or keeps what it has."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Callable

import pytest

from geoserver_app.catalogue import Catalog, CatalogError, Watcher
from geoserver_app.settings import read_settings
from tests.catalogue.folders import LAYER, STYLE, Folders


@pytest.fixture
async def watcher(folders: Folders) -> AsyncIterator[Watcher]:
    settings = read_settings({}, layers=folders.layers, styles=folders.styles, catalogue_poll_s=0.2)
    found = Watcher(settings)
    await found.start()
    yield found
    await found.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


def title(watcher: Watcher) -> str:
    return watcher.catalog.layers["hydrants"].title.en


async def test_a_changed_file_is_taken_up(watcher: Watcher, folders: Folders) -> None:
    before = watcher.catalog
    folders.change('en = "Hydrants"', 'en = "Fire hydrants"')
    await until(lambda: title(watcher) == "Fire hydrants")
    assert before.layers["hydrants"].title.en == "Hydrants"


async def test_a_new_layer_and_a_deleted_one_are_taken_up(watcher: Watcher, folders: Folders) -> None:
    folders.layer("shelters", LAYER.replace('label = "name"', 'style = "hydrants"'))
    await until(lambda: set(watcher.catalog.layers) == {"hydrants", "shelters"})
    (folders.layers / "shelters.toml").unlink()
    await until(lambda: set(watcher.catalog.layers) == {"hydrants"})


async def test_a_mistake_keeps_the_old_catalogue_until_it_is_mended(
    watcher: Watcher, folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    before = watcher.catalog
    with caplog.at_level(logging.ERROR):
        folders.change('label = "name"', 'lable = "name"')
        await until(lambda: bool(watcher.mistakes))
    assert watcher.catalog is before
    assert [(m.file, m.key) for m in watcher.mistakes] == [("hydrants.toml", "lable")]
    assert "hydrants.toml: lable: unknown key; did you mean 'label'?" in caplog.text
    folders.change('en = "Hydrants"', 'en = "Mended"')
    await until(lambda: title(watcher) == "Mended")
    assert watcher.mistakes == ()


async def test_a_changed_style_is_taken_up(watcher: Watcher, folders: Folders) -> None:
    folders.restyle(paint={"circle-color": "#ff0000"})
    await until(lambda: watcher.catalog.styles["hydrants"].document["layers"][0]["paint"]["circle-color"] == "#ff0000")


async def test_a_file_replaced_the_way_editors_do_is_taken_up(watcher: Watcher, folders: Folders) -> None:
    draft = folders.layers / ".hydrants.toml.swp"
    draft.write_text(LAYER.replace('en = "Hydrants"', 'en = "Replaced"'), encoding="utf-8")
    draft.replace(folders.layers / "hydrants.toml")
    await until(lambda: title(watcher) == "Replaced")


async def test_many_changes_end_in_the_last_one(watcher: Watcher, folders: Folders) -> None:
    told: list[Catalog] = []
    watcher.on_change(told.append)
    for number in range(60):
        folders.change('en = "Hydrants"', f'en = "Hydrants {number}"')
        await asyncio.sleep(0.002)
    await until(lambda: title(watcher) == "Hydrants 59")
    assert told[-1] is watcher.catalog
    assert len(told) < 60


async def test_listeners_are_told_and_a_failing_one_stops_nobody(
    watcher: Watcher, folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def failing(catalog: Catalog) -> None:
        raise RuntimeError("a listener of the test")

    async def listening(catalog: Catalog) -> None:
        await asyncio.sleep(0)
        told.append(catalog.layers["hydrants"].title.en)

    watcher.on_change(failing)
    watcher.on_change(listening)
    folders.change('en = "Hydrants"', 'en = "Told"')
    await until(lambda: told == ["Told"])
    assert "a listener of the test" in caplog.text


async def test_a_file_touched_without_a_change_tells_nobody(watcher: Watcher, folders: Folders) -> None:
    told: list[Catalog] = []
    watcher.on_change(told.append)
    folders.layer("hydrants", LAYER)
    folders.layer("shelters", LAYER.replace('label = "name"', 'style = "hydrants"'))
    await until(lambda: "shelters" in watcher.catalog.layers)
    await asyncio.sleep(0.3)
    assert all("shelters" in catalog.layers for catalog in told)


async def test_a_folder_may_vanish_and_come_back(watcher: Watcher, folders: Folders) -> None:
    before = watcher.catalog
    shutil.rmtree(folders.layers)
    await until(lambda: bool(watcher.mistakes))
    assert watcher.catalog is before
    folders.layers.mkdir()
    folders.change('en = "Hydrants"', 'en = "Back"')
    await until(lambda: title(watcher) == "Back")
    folders.change('en = "Hydrants"', 'en = "Back again"')
    await until(lambda: title(watcher) == "Back again")


async def test_a_folder_may_be_swapped_for_another(watcher: Watcher, folders: Folders) -> None:
    other = folders.layers.with_name("layers.new")
    other.mkdir()
    (other / "hydrants.toml").write_text(LAYER.replace('en = "Hydrants"', 'en = "Other folder"'), encoding="utf-8")
    folders.layers.rename(folders.layers.with_name("layers.old"))
    other.rename(folders.layers)
    await until(lambda: title(watcher) == "Other folder")


async def test_two_workers_on_the_same_files_agree(watcher: Watcher, folders: Folders) -> None:
    second = Watcher(read_settings({}, layers=folders.layers, styles=folders.styles, catalogue_poll_s=0.2))
    await second.start()
    try:
        folders.style("hydrants", {**STYLE, "name": "Both"})
        await until(lambda: {w.catalog.styles["hydrants"].title for w in (watcher, second)} == {"Both"})
    finally:
        await second.stop()


async def test_a_server_does_not_start_on_mistakes(folders: Folders) -> None:
    folders.change('label = "name"', 'lable = "name"')
    watcher = Watcher(read_settings({}, layers=folders.layers, styles=folders.styles))
    with pytest.raises(CatalogError, match="did you mean 'label'"):
        await watcher.start()
    await watcher.stop()
