"""Each attempt to call a third party is a step of its trace, which it is told."""

from collections.abc import Awaitable, Callable

from opentelemetry.trace import SpanKind, Status, StatusCode

from app.platform.http.client import Call, HttpClient
from app.platform.http.errors import ThirdPartyErred
from app.platform.http.response import HttpResponse
from app.platform.observability.context import TRACEPARENT
from app.platform.telemetry.tracing import Recording, Tracing, step_of

CLIENT_ERROR = 400


def watch(part: object, telemetry: Recording) -> None:
    if isinstance(part, HttpClient):
        part.attempt = TracedAttempts(part.attempt, telemetry.tracing)


class TracedAttempts:
    """Tells the host, and neither path nor query: those may hold a secret."""

    def __init__(
        self, attempt: Callable[[Call], Awaitable[HttpResponse]], tracing: Tracing
    ) -> None:
        self._attempt = attempt
        self._tracing = tracing

    async def __call__(self, call: Call) -> HttpResponse:
        method = call.request.method
        attributes = {
            "http.request.method": method,
            "server.address": call.request.url.host,
        }
        with self._tracing.span(method, SpanKind.CLIENT, attributes) as span:
            if span is None:
                return await self._attempt(call)
            call.request.headers[TRACEPARENT] = step_of(span).traceparent
            try:
                response = await self._attempt(call)
            except ThirdPartyErred as error:
                span.set_attribute("http.response.status_code", error.status)
                raise
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= CLIENT_ERROR:
                span.set_status(Status(StatusCode.ERROR))
            return response
