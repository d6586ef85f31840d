"""A server with hydrants, a grid of points, a set of areas, and a layer that few may see."""

import dataclasses
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from geoserver_app.auth.accounts import create_key
from geoserver_app.core.layer import Field, Layer, Text
from geoserver_app.settings import Settings
from geoserver_app.store.loading import connect_owner
from tests.conftest import TestDatabase, application, serving
from tests.features.hydrants import LICENCE, create_table, layer, publish_hydrants, publish_table
from tests.tiles.hand import describe, with_folders

GRID = Layer(
    id="grid",
    title=Text("Grille <b>", "Grid <b>"),
    geometry="Point",
    crs=31370,
    fields=(
        Field("n", "integer", Text("Numéro", "Number")),
        Field("label", "string", Text("Étiquette", "Label")),
        Field("phone", "string", Text("Téléphone", "Phone"), read=frozenset({"municipality", "administrator"})),
    ),
    licence=LICENCE,
    label="label",
)
"""2,500 points, a kilometre apart; label is null for every tenth, one of three words elsewhere."""
AREAS = Layer(
    id="areas",
    title=Text("Zones", "Areas"),
    geometry="MultiPolygon",
    crs=31370,
    fields=(Field("level", "integer", Text("Niveau", "Level")),),
    licence=LICENCE,
)
SECRET = dataclasses.replace(layer("secret"), read=frozenset({"coordinator", "administrator"}))


def publish_grid(owner_url: str) -> None:
    create_table(owner_url, "grid_p1", GRID)
    with connect_owner(owner_url) as connection:
        connection.execute(
            """INSERT INTO reference.grid_p1
               SELECT i + 1, 'k' || i, i % 2 = 1, i,
                      (ARRAY[NULL, 'a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c'])[i % 10 + 1],
                      '04/' || i, ST_SetSRID(ST_MakePoint(150000 + 1000 * (i % 50), 100000 + 1000 * (i / 50)), 31370)
               FROM generate_series(0, 2499) i"""
        )
    publish_table(owner_url, "grid_p1", GRID)


def publish_areas(owner_url: str) -> None:
    create_table(owner_url, "areas_p1", AREAS)
    with connect_owner(owner_url) as connection:
        connection.execute(
            """INSERT INTO reference.areas_p1
               SELECT i, 'k' || i, false, i,
                      ST_Multi(ST_MakeEnvelope(200000 + 2000 * i, 130000, 201000 + 2000 * i, 131000, 31370))
               FROM generate_series(1, 4) i"""
        )
    publish_table(owner_url, "areas_p1", AREAS)


@pytest.fixture(scope="module")
def site(shared_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> TestDatabase:
    """The database and the catalogue; pages are small so that little data has many."""
    made = with_folders(shared_database, tmp_path_factory.mktemp("catalogue"))
    settings: Settings = dataclasses.replace(made.settings, items_default=100, items_max=1_000, count_max=2_000)
    for described in (layer(), GRID, AREAS, SECRET):
        describe(settings, described)
    publish_hydrants(made.owner_url)
    publish_hydrants(made.owner_url, SECRET)
    publish_grid(made.owner_url)
    publish_areas(made.owner_url)
    return dataclasses.replace(made, settings=settings)


@pytest.fixture(scope="module")
async def web(site: TestDatabase) -> AsyncIterator[httpx.AsyncClient]:
    async with application(site.settings) as client:
        yield client


@pytest.fixture(scope="module")
def served(site: TestDatabase) -> Iterator[str]:
    """The same site in a process of its own, for clients that speak over a socket."""
    with serving(site.settings) as url:
        yield url


@pytest.fixture(scope="module")
def coordinator(site: TestDatabase) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_key(site.owner_url, 'coordinator')}"}
