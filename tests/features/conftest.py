"""The five hydrants in a database of their own, and a pool that reads them."""

from collections.abc import AsyncIterator

import pytest

from geoserver_app.core.publication import Published
from geoserver_app.store.engine import Database
from tests.conftest import TestDatabase
from tests.features.hydrants import layer, publish_hydrants


@pytest.fixture(scope="module")
def hydrants(shared_database: TestDatabase) -> Published:
    return publish_hydrants(shared_database.owner_url)


@pytest.fixture(scope="module")
def hydrants_in_degrees(shared_database: TestDatabase) -> Published:
    return publish_hydrants(shared_database.owner_url, layer("hydrants_degrees", crs=4326))


@pytest.fixture(scope="module")
async def reader(shared_database: TestDatabase) -> AsyncIterator[Database]:
    opened = Database.open(shared_database.app_url, shared_database.settings)
    yield opened
    await opened.close()
