"""Addresses and links of the OGC API. Every link is absolute and carries a type."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

Link = dict[str, Any]

JSON = "application/json"
GEOJSON = "application/geo+json"
HTML = "text/html"
SCHEMA = "application/schema+json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
OGC_REL = "http://www.opengis.net/def/rel/ogc/1.0/"


def link(rel: str, href: str, media_type: str, title: str | None = None, **more: object) -> Link:
    """RFC 8288 in JSON, as OGC API Common writes it."""
    made: Link = {"href": href, "rel": rel, "type": media_type}
    if title:
        made["title"] = title
    return made | more


def address(href: str, pairs: Iterable[tuple[str, str]]) -> str:
    """An address with a query string of plain `name=value` pairs."""
    query = urlencode(list(pairs), quote_via=quote)
    return f"{href}?{query}" if query else href


def alternates(href: str, pairs: Iterable[tuple[str, str]], offered: Mapping[str, str], current: str) -> list[Link]:
    """`self` in the format of this answer and `alternate` in each other one."""
    kept = [(name, value) for name, value in pairs if name != "f"]
    found = []
    for name, media_type in offered.items():
        rel = "self" if name == current else "alternate"
        found.append(link(rel, address(href, [*kept, ("f", name)]), media_type, title=TITLES.get(name)))
    return sorted(found, key=lambda made: made["rel"] != "self")


TITLES = {
    "json": "JSON",
    "html": "HTML",
    "csv": "CSV",
    "fgb": "FlatGeobuf",
    "gpkg": "GeoPackage",
}
