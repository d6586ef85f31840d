"""An items request read into the one query."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from starlette.requests import Request

from geoserver_app.core import filter as tree
from geoserver_app.core.crs import CRS84, Crs
from geoserver_app.core.errors import BadFilter, BadParameter
from geoserver_app.core.layer import Layer
from geoserver_app.core.publication import Published
from geoserver_app.core.query import Page, Query
from geoserver_app.features.cursor import Mark, read_mark, write_mark
from geoserver_app.features.where import EXERCISE
from geoserver_app.filters.limits import Limits
from geoserver_app.filters.read import read_filter
from geoserver_app.ogc.datetimes import read_times
from geoserver_app.ogc.params import (
    check_names,
    read_fields,
    read_flag,
    read_limit,
    read_offered_crs,
    read_order,
    read_window,
)
from geoserver_app.settings import Settings

ITEMS_PARAMETERS = (
    "limit", "cursor", "bbox", "bbox-crs", "crs", "datetime", "filter", "filter-lang", "filter-crs", "sortby",
    "properties", "skipGeometry",
)  # fmt: skip
ROWS_MAX = 2**53
LANGUAGES = ("cql2-text", "cql2-json")


@dataclass(frozen=True)
class Asked:
    """``question`` is what a cursor belongs to: everything but the format and the size of a page."""

    query: Query
    limit: int
    wanted: int | None
    """The limit as it was named, which a download keeps to; without one it holds the whole answer."""
    question: str
    mark: Mark | None

    def next_token(self, mark: Mark) -> str:
        return write_mark(mark, self.query.target.layer, self.query.order, self.question)


def read_items(request: Request, published: Published, settings: Settings) -> Asked:
    """Read every parameter of an items request; BadParameter, UnknownCrs, BadFilter name what is wrong."""
    layer = published.layer
    fields = [name for name in (*(f.name for f in layer.fields), EXERCISE) if name not in ITEMS_PARAMETERS]
    given = check_names(request, (*ITEMS_PARAMETERS, *fields))
    limit = read_limit(given.get("limit"), settings.items_default, settings.items_max)
    wanted = read_limit(given["limit"], 0, ROWS_MAX) if "limit" in given else None
    order = read_order(given.get("sortby"), layer)
    question = "&".join(f"{k}={v}" for k, v in sorted(given.items()) if k in QUESTION or k in fields)
    mark = read_mark(given["cursor"], layer, order, question) if "cursor" in given else None
    query = Query(
        published,
        crs=read_offered_crs(given.get("crs"), layer, "crs"),
        fields=read_fields(given.get("properties"), layer),
        geometry=not read_flag(given.get("skipGeometry"), "skipGeometry"),
        order=order,
        page=Page(limit=limit, after=mark.cursor if mark else None),
    )
    return Asked(_narrowed(query, given, fields, settings), limit, wanted, question, mark)


QUESTION = frozenset({"bbox", "bbox-crs", "datetime", "filter", "filter-lang", "filter-crs"})


def _narrowed(query: Query, given: Mapping[str, str], fields: list[str], settings: Settings) -> Query:
    layer = query.target.layer
    bbox_crs = read_offered_crs(given.get("bbox-crs"), layer, "bbox-crs")
    filter_crs = read_offered_crs(given.get("filter-crs"), layer, "filter-crs")
    parts: list[tree.Node] = [_equals(layer, name, given[name]) for name in fields if name in given]
    written = _filter(given, filter_crs, settings)
    if written is not None:
        parts.append(written)
    if "bbox" in given:
        query = replace(query, windows=(read_window(given["bbox"], bbox_crs),))
    if "datetime" in given:
        query = replace(query, time=read_times(given["datetime"]))
    if parts:
        query = replace(query, filter=parts[0] if len(parts) == 1 else tree.And(tuple(parts)))
    return replace(query, filter_crs=CRS84 if filter_crs.srid == 4326 else filter_crs)


def _filter(given: Mapping[str, str], crs: Crs, settings: Settings) -> tree.Node | None:
    language = given.get("filter-lang", LANGUAGES[0])
    if language not in LANGUAGES:
        raise BadParameter(f"{language!r} is not offered; choose {' or '.join(LANGUAGES)}", locator="filter-lang")
    if "filter" not in given:
        return None
    return read_filter(given["filter"], language, Limits.of(settings), north_first=crs.north_first)


def _equals(layer: Layer, name: str, text: str) -> tree.Node:
    """`name=value` in the address: the property equals the value, read as the property's type."""
    if name == EXERCISE:
        if text not in {"true", "false"}:
            raise BadParameter(f"{text!r} is neither true nor false", locator=name)
        return tree.Compare("=", tree.Property(name), tree.Constant(text == "true"))
    try:
        value = layer.field(name).parse(text)
    except BadFilter:
        raise BadParameter(f"{text!r} does not fit {name!r}", locator=name) from None
    return tree.Compare("=", tree.Property(name), tree.Constant(value))
