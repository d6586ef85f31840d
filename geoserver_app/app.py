"""The application: opens the parts, mounts the protocols, words the errors."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from geoserver_app.api import layers, packs, status, styles, tiles
from geoserver_app.auth.accounts import Accounts
from geoserver_app.catalogue import Watcher
from geoserver_app.core.errors import BadParameter, GeoError, NotAllowed, NotFound
from geoserver_app.ogc import api_features, api_landing, api_tiles
from geoserver_app.settings import BadSettings, Settings, read_settings
from geoserver_app.store.engine import Database
from geoserver_app.store.revisions import Revisions
from geoserver_app.viewer.pages import Viewer
from geoserver_app.web.cors import CrossOrigin
from geoserver_app.web.deps import Parts, read_parts, read_principal
from geoserver_app.web.middleware import Front
from geoserver_app.web.respond import negotiate, problem

ROUTERS: tuple[APIRouter, ...] = (
    status.router,
    layers.router,
    styles.router,
    tiles.router,
    packs.router,
    api_landing.router,
    api_features.router,
    api_tiles.router,
)


def opened(settings: Settings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan that opens every part and closes it again."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.app_database_url is None:
            raise BadSettings("MAILLAGE_APP_DATABASE_URL is not set; `maillage serve` sets it for its workers")
        database = Database.open(settings.app_database_url, settings)
        revisions = Revisions(database)
        catalogue = Watcher(settings)
        await catalogue.start()
        await revisions.start()
        app.state.parts = Parts(settings, database, revisions, catalogue, Accounts(database))
        try:
            yield
        finally:
            await revisions.stop()
            await catalogue.stop()
            await database.close()

    return lifespan


async def tell(request: Request, error: Exception) -> Response:
    """Errors a client may be told about."""
    assert isinstance(error, GeoError)  # noqa: S101 - registered for this class only
    return problem(error)


async def tell_http(request: Request, error: Exception) -> Response:
    """The framework's own errors (no such path, wrong method) in the same words."""
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 405:
        allow = _methods(request, (error.headers or {}).get("Allow", ""))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(allow), "Cache-Control": "no-cache"})
        return problem(NotAllowed("this address does not take that method", allow=allow))
    if error.status_code == 404:
        return problem(NotFound(f"nothing is at {request.url.path}"))
    told = GeoError(str(error.detail))
    told.status, told.title = error.status_code, "Refused"
    return problem(told)


def _methods(request: Request, told: str) -> tuple[str, ...]:
    """The methods of an address; whatever answers GET answers HEAD, and every address OPTIONS.

    ``told`` is what the framework says of the first route that fits.
    """
    found = {"OPTIONS", *filter(None, told.split(", "))}
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= set(getattr(route, "methods", None) or ())
    if "GET" in found:
        found.add("HEAD")
    return tuple(sorted(found))


async def tell_invalid(request: Request, error: Exception) -> Response:
    """A parameter the framework could not read: 400, not 422 (OGC API Common, 7.4)."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    name = str(first["loc"][-1]) if first.get("loc") else None
    return problem(BadParameter(f"{name}: {first['msg']}", locator=name))


async def front_page(request: Request) -> Response:
    """The viewer for people, the landing page of the API for programs."""
    if negotiate(request, {"html": "text/html", "json": "application/json"}) == "json":
        return await api_landing.landing(request, read_parts(request), await read_principal(request))
    viewer: Viewer = request.app.state.viewer
    return await viewer.index(request)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the application. Nothing is opened before its lifespan starts."""
    settings = settings or read_settings()
    app = FastAPI(
        title="Maillage",
        version="1",
        lifespan=opened(settings),
        openapi_url="/api",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name the server's inner address
    )
    app.state.settings = settings
    app.add_exception_handler(GeoError, tell)
    app.add_exception_handler(HTTPException, tell_http)
    app.add_exception_handler(RequestValidationError, tell_invalid)
    app.state.viewer = Viewer()
    for router in (*ROUTERS, app.state.viewer.router):
        app.include_router(router)
    app.add_api_route("/", front_page, methods=["GET"], include_in_schema=False)
    app.add_middleware(CrossOrigin)
    app.add_middleware(Front, settings=settings)
    return app
