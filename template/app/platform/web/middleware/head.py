"""HEAD is GET without the body, on every route (RFC 9110, section 9.3.2)."""

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Asks what GET would answer, and passes on its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        asked, headers = {**scope, "method": "GET"}, _Headers(send)
        try:
            await self._app(asked, receive, headers)
        except (ClientDisconnect, OSError):
            if not headers.told_to_stop:
                raise
        finally:
            # What was found out on the way: the route, above all.
            scope.update(asked, method="HEAD")


class _Headers:
    """Sends the headers and an empty body; a stream is told to stop."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._ended = False
        self.told_to_stop = False

    async def __call__(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        if not self._ended:
            self._ended = True
            await self._send({"type": "http.response.body", "body": b""})
        if message.get("more_body", False):
            self.told_to_stop = True
            raise OSError("Nobody wants the rest.")
