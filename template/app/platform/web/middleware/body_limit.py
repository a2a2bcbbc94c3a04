"""A body is read up to a limit, whether or not it says how long it is."""

import asyncio
from contextlib import suppress
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.web.problems import respond

# More digits than this are far beyond any limit, and slow to read.
MAX_DIGITS = 18
# A client that is cut off while it sends never reads the refusal: let it send this
# much more into the void before the connection is closed.
LINGER_BYTES = 16 * 1024 * 1024
LINGER_SECONDS = 2.0

_CLOSE = {"Connection": "close"}


class BodyLimit:
    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self._app = app
        self._limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _LimitedBody(receive, send, self._limit)
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared[:MAX_DIGITS]) > self._limit:
            body.refused = True
            status = HTTPStatus(413)
            problem = respond(scope, status, detail=body.refusal, headers=_CLOSE)
            await problem(scope, receive, body.send)
            return
        await self._app(scope, body.receive, body.send)


class _LimitedBody:
    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._left = limit
        self.refusal = f"A body may have at most {limit} bytes."
        self.refused = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self.refused = True
            raise HTTPException(413, self.refusal, _CLOSE)
        return message

    async def send(self, message: Message) -> None:
        if self.refused and message["type"] == "http.response.body":
            await self._send({**message, "more_body": True})
            await self._discard()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _discard(self) -> None:
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
