"""A filter by the name of its language."""

import orjson

from geoserver_app.core.errors import BadFilter
from geoserver_app.core.filter import Node
from geoserver_app.filters.cql2 import parse_json, parse_text
from geoserver_app.filters.limits import Limits


def read_filter(text: str, language: str, limits: Limits, *, north_first: bool = False) -> Node:
    """Read ``cql2-text`` or ``cql2-json``. ``north_first``: geometries are written latitude first."""
    if language == "cql2-text":
        return parse_text(text, limits, north_first=north_first)
    if len(text) > limits.length:
        raise BadFilter(f"the filter is longer than {limits.length} characters", locator="filter")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadFilter(f"the filter is not JSON: {error.msg} at position {error.pos}", locator="filter") from None
    return parse_json(document, limits, north_first=north_first)
