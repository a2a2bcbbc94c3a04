"""What every response says to browsers and caches unless its route says otherwise."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")
_NO_STORE = (b"cache-control", b"no-store")
# The pages of the API's documentation load scripts; data has no business to.
_DATA_ONLY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_PAGE = (b"x-frame-options", b"DENY")


class ResponseHeaders:
    def __init__(self, app: ASGIApp, *, strict_transport_seconds: int) -> None:
        self._app = app
        self._always = list(_ALWAYS)
        if strict_transport_seconds:
            value = f"max-age={strict_transport_seconds}".encode()
            self._always.append((b"strict-transport-security", value))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._complete(message["headers"])
            await send(message)

        await self._app(scope, receive, send_completed)

    def _complete(
        self, headers: list[tuple[bytes, bytes]]
    ) -> list[tuple[bytes, bytes]]:
        given = dict(headers)
        is_page = given.get(b"content-type", b"").startswith(b"text/html")
        completed = [*headers, *self._always, _PAGE if is_page else _DATA_ONLY]
        if b"cache-control" not in given:
            completed.append(_NO_STORE)
        return completed
