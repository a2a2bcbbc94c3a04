"""How requests are answered, and each of them as a step of its trace."""

from collections.abc import Sequence
from http import HTTPStatus
from time import perf_counter

from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import CollectorRegistry, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.readiness import Readiness
from app.platform.telemetry.metrics import OTHER, SECONDS, Measuring, Metrics
from app.platform.telemetry.tracing import Tracing
from app.platform.web.edge import PROBES, Observer
from app.platform.web.routing import own_path, route_of

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
UNMATCHED = "unmatched"


class RequestMetrics:
    """As many series as there are routes, methods and statuses: whatever is asked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.active = Gauge(
            "http_server_active_requests",
            "Requests under way.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._duration = Histogram(
            "http_server_request_duration_seconds",
            "From the first byte of a request to the last of its response.",
            ["http_request_method", "http_route", "http_response_status_code"],
            buckets=SECONDS,
            registry=registry,
        )
        # Looking a series up costs twice what counting does.
        self._series: dict[tuple[str, str, int], Histogram] = {}

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        key = method_of(scope), route_of(scope) or UNMATCHED, status
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._duration.labels(*key)
        series.observe(seconds)


class MeasuredRequests:
    """Finds out by the state of the application where to count."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "platform" not in scope.get("state", ()):
            await self._app(scope, receive, send)
            return
        requests: RequestMetrics = scope["state"]["platform"].telemetry.instrument(
            RequestMetrics
        )
        began = perf_counter()
        # Unless it says otherwise before the client is gone.
        status = 499

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        requests.active.inc()
        try:
            await self._app(scope, receive, send_observed)
        finally:
            requests.active.dec()
            requests.observe(scope, status, perf_counter() - began)


def method_of(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in METHODS else OTHER


def watch(part: object, telemetry: Measuring) -> None:
    if isinstance(part, Readiness):
        _watch_readiness(part, telemetry.metrics)


def _watch_readiness(readiness: Readiness, metrics: Metrics) -> None:
    up = Gauge(
        "readiness_check_up",
        "1 if the latest probes of a dependency found it well.",
        ["check"],
        registry=metrics.registry,
        multiprocess_mode="livemin",
    )
    ready = Gauge(
        "readiness_ready",
        "1 if this process wants requests.",
        registry=metrics.registry,
        multiprocess_mode="livemin",
    )

    def read() -> None:
        ready.set(readiness.ready)
        for dependency in readiness.dependencies:
            up.labels(dependency.check.name).set(dependency.reason is None)

    metrics.on_refresh(read)


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


# Outermost first: what is measured includes what is traced.
OBSERVERS: Sequence[Observer] = (TracedRequests, MeasuredRequests)
