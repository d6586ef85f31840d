"""CQL2 (OGC 21-065r2): its text and its JSON encoding become one filter tree."""

from geoserver_app.core.filter import Node
from geoserver_app.filters.cql2_json import JsonParser
from geoserver_app.filters.cql2_text import TextParser
from geoserver_app.filters.limits import Limits

__all__ = ["Limits", "parse_json", "parse_text"]


def parse_text(text: str, limits: Limits, *, north_first: bool = False) -> Node:
    """Read CQL2 text; BadFilter tells the position and what was expected there.

    ``north_first``: coordinates are written latitude first; the tree has them east first.
    """
    return TextParser(text, limits, north_first).parse()


def parse_json(document: object, limits: Limits, *, north_first: bool = False) -> Node:
    """Read a decoded CQL2 JSON document; BadFilter tells the path to what cannot be read."""
    return JsonParser(limits, north_first).parse(document)
