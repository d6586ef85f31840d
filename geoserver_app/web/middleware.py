"""What every request passes: an id, HEAD, size limit, safe headers, a log line without persons."""

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from geoserver_app.core.errors import GeoError, TooLarge
from geoserver_app.settings import Settings
from geoserver_app.web.respond import problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("maillage.access")


class Front:
    """Pure ASGI, so that streaming and disconnects pass untouched."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app = app
        self.limit = settings.request_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = uuid.uuid4().hex[:12]
        scope.setdefault("state", {})["request_id"] = request_id
        head = scope["method"] == "HEAD"
        if head:
            # A copy: by its own scope the server knows that no body will follow.
            scope = {**scope, "method": "GET"}
            scope["state"]["head"] = True
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            elif head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        if self._too_large(scope):
            answer = problem(TooLarge(f"a request may hold at most {self.limit} bytes"))
            await answer(scope, receive, send_on)
        else:
            try:
                await self.app(scope, self._counted(receive), send_on)
            except Exception as error:
                if status:
                    raise  # the answer has begun: break the transfer, never end it as if whole
                log.error("request %s failed", request_id, exc_info=error)
                told = problem(GeoError(f"something failed here; the log has it under {request_id}"))
                await told(scope, receive, send_on)
        # The path without its query and no address: nothing here tells who asked.
        log.info(
            "%s %s %s %.1f ms %s",
            "HEAD" if head else scope["method"],
            scope["path"],
            status,
            (time.perf_counter() - started) * 1000,
            request_id,
        )

    def _too_large(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"content-length":
                return not value.isdigit() or int(value) > self.limit
        return False

    def _counted(self, receive: Receive) -> Receive:
        seen = 0

        async def receive_on() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self.limit:
                    raise TooLarge(f"a request may hold at most {self.limit} bytes")
            return message

        return receive_on
