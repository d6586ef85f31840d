"""The viewer's addresses: the page, its assets, glyphs, sprites, and the licences of what is in it."""

import html
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from geoserver_app.core.errors import NotFound
from geoserver_app.viewer.bundle import Asset, Bundle, Package

FOR_EVER = "public, max-age=31536000, immutable"
"""For addresses that hold a hash of their content."""
ASK_FIRST = "no-cache"
"""For addresses whose content a new version changes."""

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        # Style sheets carry small pictures as data:, the map reads sprites through blob:.
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(self), clipboard-write=(self), camera=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
}
NOT_BUILT = "La carte n'est pas construite : lancez script/server. — The viewer is not built: run script/server."
FALLBACK_FONT = "Noto Sans Regular"


class Viewer:
    """Serves one bundle. ``index`` answers the page; the application decides who gets it at ``/``."""

    def __init__(self, bundle: Bundle | None = None) -> None:
        self.bundle = bundle or Bundle()
        self.fonts = self.bundle.fonts
        self.router = APIRouter(include_in_schema=False)
        for path, handler in (
            ("/assets/{name}", self.asset),
            ("/glyphs/{stack}/{span}.pbf", self.glyphs),
            ("/sprites/{name}", self.sprite),
            ("/licences", self.licences),
        ):
            self.router.add_api_route(path, handler, methods=["GET"], response_model=None)

    async def index(self, request: Request) -> Response:
        """The page. 503 with a sentence where the bundle was never built."""
        page = self.bundle.find("index.html")
        if page is None:
            return HTMLResponse(f"<p>{html.escape(NOT_BUILT)}</p>", status_code=503, headers=dict(PAGE_HEADERS))
        return send(page, request, ASK_FIRST, PAGE_HEADERS)

    async def asset(self, name: str, request: Request) -> Response:
        return self._file(f"assets/{name}", request, FOR_EVER)

    async def sprite(self, name: str, request: Request) -> Response:
        return self._file(f"sprites/{name}", request, ASK_FIRST)

    async def glyphs(self, stack: str, span: str, request: Request) -> Response:
        """Signed distance fields of 256 characters of the first font of the stack that we have.

        A font or range that we lack is an empty answer, not an error: the renderer then draws
        nothing for those characters and goes on with the others.
        """
        names = [name.strip() for name in stack.split(",")]
        font = next((name for name in names if name in self.fonts), FALLBACK_FONT)
        found = self.bundle.find(f"glyphs/{font}/{span}.pbf")
        return send(found or Asset(b"", "application/x-protobuf", "empty"), request, ASK_FIRST)

    async def licences(self) -> Response:
        return HTMLResponse(licence_page(self.bundle.packages()), headers={**PAGE_HEADERS, "Cache-Control": ASK_FIRST})

    def _file(self, path: str, request: Request, caching: str) -> Response:
        found = self.bundle.find(path)
        if found is None:
            raise NotFound(f"there is no {path}")
        return send(found, request, caching)


def send(asset: Asset, request: Request, caching: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a file in the best coding the client takes, or 304 where it has it already."""
    coding = _coding(asset, request.headers.get("Accept-Encoding", ""))
    # A strong ETag names one representation, so each coding has its own (RFC 9110, clause 8.8.3.3).
    etag = f'"{asset.etag}{"-" + coding if coding else ""}"'
    common = {
        "Cache-Control": caching,
        "ETag": etag,
        "Vary": "Accept-Encoding",
        **(headers or {}),
    }
    if etag in [part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")]:
        return Response(status_code=304, headers=common)
    if coding:
        common["Content-Encoding"] = coding
    return Response(asset.coded.get(coding, asset.body), media_type=asset.media_type, headers=common)


def _coding(asset: Asset, accepted: str) -> str:
    offers = {}
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        offers[name.strip().lower()] = quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return next((coding for coding in ("br", "gzip") if offers.get(coding) and coding in asset.coded), "")


def licence_page(packages: list[Package]) -> str:
    """A plain page: who made what is inside the viewer, and under which terms."""
    sections = "\n".join(
        f"<h2>{html.escape(one.name)} {html.escape(one.version)}</h2>\n"
        f"<p>{html.escape(one.licence)}</p>\n<pre>{html.escape(one.text)}</pre>"
        for one in packages
    )
    return (
        '<!doctype html>\n<html lang="fr">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>Maillage — licences</title>\n</head>\n<body>\n<h1>Licences</h1>\n"
        "<p>Logiciels et polices contenus dans la carte web. Les licences des données figurent auprès de chaque "
        'couche.</p>\n<p lang="en">Software and fonts inside the web map. The licences of data are told with each '
        f"layer.</p>\n{sections}\n</body>\n</html>\n"
    )
