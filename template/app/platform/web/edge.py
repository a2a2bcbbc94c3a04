"""What every request passes before it is routed, and every answer after."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter
from typing import Annotated, ClassVar

import structlog
from pydantic import Field, StringConstraints, ValidationInfo, field_validator
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.configuration import Limit, Section
from app.platform.observability import context
from app.platform.web.problems import respond
from app.platform.web.routing import own_path, route_of

ORIGINS = r"^(\*|https?://[^/\s,]+(, *https?://[^/\s,]+)*)?$"


class WebSettings(Section):
    """`WEB__*` in the environment."""

    root_path: Annotated[str, StringConstraints(pattern=r"^(/[\w.~-]+)*$")] = ""
    """What a gateway takes off the front of each path, like /shop: /docs needs it."""
    max_body_bytes: int = Field(1024 * 1024, ge=0)
    """A request with a larger body is refused."""
    deadline_seconds: float = Field(10.0, gt=0)
    """Until a response begins; longer than any time limit of what stands behind."""
    strict_transport_seconds: int = Field(31_536_000, ge=0)
    """How long browsers keep to HTTPS once they have seen it; 0 says nothing of it."""
    refuse_unknown: bool = True
    """Refuse parameters and members of a body that a route does not declare."""
    cors_origins: Annotated[str, StringConstraints(pattern=ORIGINS)] = ""
    """Whose pages may ask: https://shop.example,https://app.example; * is all."""
    cors_credentials: bool = False
    """Let those pages send cookies along; never with *."""

    limits: ClassVar[tuple[Limit, ...]] = (
        *(
            Limit(
                f"DATABASE__{first}_TIMEOUT_SECONDS",
                "DATABASE__COMMAND_TIMEOUT_SECONDS",
                below="WEB__DEADLINE_SECONDS",
                reason="a request is cut off before it hears what the database lacks",
            )
            for first in ("CHECKOUT", "CONNECT")
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="DATABASE__IDLE_IN_TRANSACTION_TIMEOUT_SECONDS",
            reason="the transaction of a request that waits ends before the request",
        ),
        Limit(
            "HTTP__DEADLINE_SECONDS",
            below="WEB__DEADLINE_SECONDS",
            reason="a request is cut off before it hears that a third party is silent",
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="IDEMPOTENCY__RETENTION_HOURS",
            reason="a key is forgotten before its client has read the answer",
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="SERVER__FINISH_SECONDS",
            reason="requests that have begun are cut off when the process stops",
        ),
    )

    @field_validator("cors_credentials")
    @classmethod
    def _refuse_for_all(cls, given: bool, info: ValidationInfo) -> bool:
        if given and info.data.get("cors_origins") == "*":
            raise ValueError("must be false while WEB__CORS_ORIGINS is *: name origins")
        return given


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


type Observer = Callable[[ASGIApp], ASGIApp]
