"""One WebSocket, from its handshake until one side leaves."""

import asyncio
from http import HTTPStatus
from typing import Any

from starlette.types import ASGIApp, Message
from starlette.websockets import WebSocketDisconnect

from app.platform.errors import Forbidden
from app.platform.web.exchange import Exchange

# Why a WebSocket is closed (RFC 6455, 7.4.1, and what IANA added).
_NORMAL, _GOING_AWAY, _POLICY, _TOO_BIG = 1000, 1001, 1008, 1009
_ABNORMAL, FAILED, _LATER = 1006, 1011, 1013
_CLOSES = {500: FAILED, 503: _LATER, 504: FAILED}


class SocketExchange(Exchange):
    """A WebSocket: a handshake that may be refused, then messages until one leaves."""

    event = "http.websocket"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._is_open = False
        # Why it was closed, by whichever side; None if it was never open.
        self.code: int | None = None

    async def _run(self, app: ASGIApp) -> None:
        try:
            await app(self.scope, self.receive, self.send)
            await self.close(_NORMAL)
        except WebSocketDisconnect as gone:
            self._closed(gone.code)
        except asyncio.CancelledError:
            if not self._is_open:
                raise
            await self.close(_GOING_AWAY, "The server stops.")
        except Exception:
            await self._fail()

    async def close(self, code: int, reason: str = "") -> None:
        if self._is_open:
            self._closed(code)
            await self._send(
                {"type": "websocket.close", "code": code, "reason": reason}
            )

    def _closed(self, code: int) -> None:
        if self._is_open:
            self._is_open = False
            self.code = self.told["code"] = code

    async def receive(self) -> Message:
        """Wait for a message, or close: a client may be neither silent nor verbose."""
        seconds = self.policy.idle_seconds if self._is_open else None
        try:
            async with asyncio.timeout(seconds) as idle:
                message = await self._receive()
        except TimeoutError:
            if not idle.expired():
                raise
            return await self._part(_POLICY, "Nothing was said for too long.")
        if message["type"] == "websocket.disconnect":
            self._closed(message.get("code", _ABNORMAL))
        elif message["type"] == "websocket.receive":
            self.told["received"] += 1
        if _length(message) > (self.policy.max_message_bytes or 0):
            return await self._part(_TOO_BIG, "The message is too long.")
        return message

    async def _part(self, code: int, reason: str) -> Message:
        await self.close(code, reason)
        return {"type": "websocket.disconnect", "code": code, "reason": reason}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept":
            message = self._accept(message)
        elif kind == "websocket.send":
            self.told["sent"] += 1
        elif kind == "websocket.close":
            self._closed(message.get("code", _NORMAL))
        elif kind.startswith("websocket.http"):
            if self._is_open:
                # Too late for a problem in full: its kind must do.
                status = HTTPStatus(message["status"])
                await self.close(_CLOSES.get(status, _POLICY), status.phrase)
            if self.status == HTTPStatus.SWITCHING_PROTOCOLS:
                return
            if kind == "websocket.http.response.start":
                message = self._begin(message)
        await self._send(message)

    def _accept(self, message: Message) -> Message:
        if not self._is_known(self.headers.get(b"origin", b"").decode("latin-1")):
            # Browsers let any page open a socket, with the cookies of its host.
            raise Forbidden("Pages of this origin may not open it.")
        self.status, self._is_open = HTTPStatus.SWITCHING_PROTOCOLS, True
        self.told.update(received=0, sent=0)
        self._keep_open()
        return {**message, "headers": [*message.get("headers", ()), self._echo]}

    def _is_known(self, origin: str) -> bool:
        """Tell the pages of this host, and what is no page of a browser at all."""
        host = self.headers.get(b"host", b"").decode("latin-1")
        own = ("", f"http://{host}", f"https://{host}")
        return origin in own or origin in (self.policy.origins or ())


def _length(message: Message) -> int:
    text, data = message.get("text"), message.get("bytes")
    return len(text.encode() if text is not None else data or b"")
