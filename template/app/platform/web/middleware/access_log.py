"""One line for each request that was answered."""

from time import perf_counter

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.web.routing import own_path, route_of

# Asked every few seconds, they say nothing as long as all is well.
PROBES = frozenset({"/livez", "/readyz"})
MAX_PATH = 200


class AccessLog:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._log = structlog.get_logger(__name__).bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status: int | None = None

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            self._write(scope, status, perf_counter() - started)

    def _write(self, scope: Scope, status: int | None, seconds: float) -> None:
        if own_path(scope) in PROBES and status == 200:  # noqa: PLR2004
            return
        route = route_of(scope)
        where = {"route": route} if route else {"path": scope["path"][:MAX_PATH]}
        self._log.info(
            "http.request",
            method=scope["method"],
            status=status,
            duration_ms=round(seconds * 1000, 3),
            **where,
        )
