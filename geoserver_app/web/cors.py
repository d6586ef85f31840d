"""Cross-origin access for web maps on other hosts: everyone may ask, nobody sends cookies.

The answer does not depend on the origin, so no `Vary: Origin` splits shared caches (Fetch
standard, CORS protocol). `Authorization` is named because `*` does not cover it.
"""

from starlette.responses import Response

from geoserver_app.web.middleware import App, Message, Receive, Scope, Send

ORIGIN = (b"access-control-allow-origin", b"*")
EXPOSED = (b"access-control-expose-headers", b"*")
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "*, Authorization, X-API-Key, Content-Type, Content-Crs, If-Match, If-None-Match,"
    " Range, Last-Event-ID, Idempotency-Key, Maillage-Revision",
    "Access-Control-Max-Age": "86400",
}


class CrossOrigin:
    """Pure ASGI: answers preflights, marks every other answer as open to all origins."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), ORIGIN, EXPOSED]
            await send(message)

        asked = any(name == b"access-control-request-method" for name, _ in scope["headers"])
        if scope["method"] == "OPTIONS" and asked:
            await Response(status_code=204, headers=PREFLIGHT)(scope, receive, send_on)
        else:
            await self.app(scope, receive, send_on)
