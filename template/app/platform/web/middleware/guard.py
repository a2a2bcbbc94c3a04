"""Whatever goes wrong, the client gets a problem and the log gets the traceback."""

from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.web.problems import respond

log = structlog.get_logger(__name__)


class Guard:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_observed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        except Exception:
            if started:
                # Only the server can cut off a response that has begun; it logs, too.
                raise
            log.exception("http.failed", method=scope["method"])
            detail = "Something went wrong here. The request id finds it in the log."
            problem = respond(scope, HTTPStatus.INTERNAL_SERVER_ERROR, detail=detail)
            await problem(scope, receive, send)
