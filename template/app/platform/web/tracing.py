"""Each request is a step of its trace."""

from http import HTTPStatus

from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.telemetry.tracing import Tracing
from app.platform.web.metrics import method_of
from app.platform.web.middleware.access_log import PROBES
from app.platform.web.routing import own_path, route_of


class TracedRequests:
    """Names routes, never paths: those may hold what should not be told."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_traced(scope):
            await self._app(scope, receive, send)
            return
        tracing: Tracing = scope["state"]["platform"].telemetry.tracing
        with tracing.span(method_of(scope), SpanKind.SERVER) as span:
            if span is None:
                await self._app(scope, receive, send)
            else:
                await self._record(span, scope, receive, send)

    async def _record(
        self, span: Span, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def send_observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                _answered(span, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_observed)
        finally:
            _describe(span, scope)


def _is_traced(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and own_path(scope) not in PROBES
        and "platform" in scope.get("state", ())
    )


def _answered(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.set_attribute("error.type", str(status))
        span.set_status(Status(StatusCode.ERROR))


def _describe(span: Span, scope: Scope) -> None:
    method, route = method_of(scope), route_of(scope)
    span.set_attribute("http.request.method", method)
    if route:
        span.set_attribute("http.route", route)
        span.update_name(f"{method} {route}")
