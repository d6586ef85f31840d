"""HTML pages for people: Jinja templates, every value escaped, French or English."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import Response

from geoserver_app.core.layer import Field
from geoserver_app.core.publication import Published
from geoserver_app.core.query import Query
from geoserver_app.features.encode import columns
from geoserver_app.ogc.links import HTML
from geoserver_app.ogc.sending import whole
from geoserver_app.web.deps import read_parts
from geoserver_app.web.respond import base_url, language

HERE = Path(__file__).parent
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
PLACE = "communes"
"""The layer drawn under the features of a page, where there is one: it says where this is."""
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}


@lru_cache(maxsize=1)
def environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )


async def page(request: Request, template: str, title: str, headers: Mapping[str, str], **context: Any) -> Response:
    """Render a page. ``crumbs`` in the context are (name, path) pairs after the API's own."""
    spoken = language(request)
    base = base_url(request)
    other = "en" if spoken == "fr" else "fr"
    pairs = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
    asked = request.query_params.get("lang")
    turned = urlencode([*pairs, ("lang", other)], quote_via=quote)

    def here(path: str) -> str:
        return f"{base}{quote(path)}" + (f"?lang={spoken}" if asked in {"fr", "en"} else "")

    shown = (
        environment()
        .get_template(template)
        .render(
            {"links": [], "crumbs": [], "exercise": False, "map": None, "data": None}
            | context
            | {
                "title": title,
                "icon": next(iter(built(request, "favicon", ".svg")), None),
                "base": base,
                "language": spoken,
                "other_language": f"{base}{quote(request.url.path)}?{turned}",
                "here": here,
                "say": lambda fr, en: en if spoken == "en" else fr,
                "number": lambda n: f"{n:,}".replace(",", "\u202f" if spoken == "fr" else ","),
                "value": lambda value, field: written(value, field, spoken),
            }
        )
    )
    return await whole(request, shown.encode(), f"{HTML}; charset=utf-8", {**headers, **HEADERS})


def written(value: object, field: Field | None, spoken: str) -> str:
    """A value as people read it: the title of a code, yes and no, a dash for nothing."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        words = ("yes", "no") if spoken == "en" else ("oui", "non")
        return words[0] if value else words[1]
    if field is not None:
        for code in field.codes:
            if code.value == str(value):
                return code.title.to(spoken)
    return str(value)


def shown_fields(query: Query) -> list[tuple[str, Field | None]]:
    """The columns of a table: names and, where the layer describes them, fields."""
    fields = {field.name: field for field in query.target.layer.fields}
    return [(name, fields.get(name)) for name, _ in columns(query)]


def crumbs(published: Published, spoken: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    layers = "Layers" if spoken == "en" else "Couches"
    title = published.layer.title.to(spoken)
    return [(layers, "/ogc/collections"), (title, f"/ogc/collections/{published.id}"), *more]


def built(request: Request, start: str, end: str) -> list[str]:
    """Files of the viewer's build by the start and end of their names; none where it was not built."""
    viewer = getattr(request.app.state, "viewer", None)
    names = sorted(viewer.bundle.assets) if viewer else []
    return [name for name in names if name.startswith(f"assets/{start}-") and name.endswith(end)]


def map_assets(request: Request) -> dict[str, Any] | None:
    """What the map of a page is made of; None where the viewer was not built."""
    scripts, workers = built(request, "items", ".js"), built(request, "worker", ".js")
    if not scripts or not workers:
        return None
    place = PLACE if PLACE in read_parts(request).revisions.known else None
    return {"script": scripts[0], "sheets": built(request, "items", ".css"), "worker": workers[0], "place": place}


@lru_cache(maxsize=8)
def static_file(name: str) -> tuple[bytes, str] | None:
    """A style sheet of the pages and its digest; only names that are in the folder."""
    for path in (HERE / "static").iterdir():
        if path.name == name:
            body = path.read_bytes()
            return body, hashlib.blake2b(body, digest_size=8).hexdigest()
    return None
