"""Short ways to ask in tests."""

from dataclasses import replace

import orjson

from geoserver_app.core.publication import Published
from geoserver_app.core.query import Page, Query
from geoserver_app.features.encode import geojson_text
from geoserver_app.features.read import read_chunk
from geoserver_app.filters.cql2 import Limits, parse_text
from geoserver_app.store.engine import Database

LIMITS = Limits()


async def features(reader: Database, query: Query, rows: int = 100) -> list[dict[str, object]]:
    chunk = await read_chunk(reader, query, rows, geojson_text)
    found: list[dict[str, object]] = orjson.loads(f"[{chunk.row['text'] or ''}]")
    return found


async def ids(reader: Database, query: Query) -> list[object]:
    return [feature["id"] for feature in await features(reader, query)]


async def matching(reader: Database, published: Published, text: str) -> set[object]:
    """Ids of the features a CQL2 text matches."""
    return set(await ids(reader, Query(published, filter=parse_text(text, LIMITS))))


async def walk(reader: Database, query: Query, size: int) -> list[object]:
    """Ids of all features, page after page of ``size``."""
    found: list[object] = []
    while True:
        chunk = await read_chunk(reader, replace(query, page=replace(query.page, limit=size)), size, geojson_text)
        found += [feature["id"] for feature in orjson.loads(f"[{chunk.row['text'] or ''}]")]
        if not chunk.more:
            return found
        assert len(found) < 1000
        query = replace(query, page=Page(after=chunk.last))
