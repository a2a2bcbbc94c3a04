"""No request waits longer than this for its response to begin."""

import asyncio
from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.web.problems import respond

log = structlog.get_logger(__name__)


class Deadline:
    """Cancels the work when time is up, which rolls its transaction back."""

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_in_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                deadline.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self._seconds) as deadline:
                await self._app(scope, receive, send_in_time)
        except TimeoutError:
            if not deadline.expired():
                raise
            log.warning("http.deadline_exceeded", method=scope["method"])
            detail = f"There was no result within {self._seconds:g} seconds."
            problem = respond(scope, HTTPStatus.GATEWAY_TIMEOUT, detail=detail)
            await problem(scope, receive, send)
