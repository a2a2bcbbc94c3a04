"""Every request has an id, a place in a trace, and the path that the caller sees."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.observability import context

_CARRIED = {name.encode(): name for name in (context.REQUEST_ID, context.TRACEPARENT)}
_REQUEST_ID = context.REQUEST_ID.encode()


class RequestContext:
    def __init__(self, app: ASGIApp, *, root_path: str = "") -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if self._root_path:
            # A path without its prefix is not told from one that begins with it.
            scope["root_path"] = self._root_path
            scope["path"] = self._root_path + scope["path"]
        carried = {
            _CARRIED[name]: value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _CARRIED
        }
        with context.resume(carried) as request_id:
            echo = (_REQUEST_ID, request_id.encode())

            async def send_with_id(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message["headers"], echo]
                await send(message)

            await self._app(scope, receive, send_with_id)
