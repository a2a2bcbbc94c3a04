"""How requests are answered, and each of them as a step of its trace."""

from collections.abc import Sequence
from http import HTTPStatus
from time import perf_counter
from typing import Any

from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import CollectorRegistry, Gauge, Histogram

from app.platform.observability import context
from app.platform.readiness import Readiness
from app.platform.telemetry.metrics import OTHER, SECONDS, Measuring, Metrics
from app.platform.web.edge import Answer, Observer
from app.platform.web.exchange import Exchange
from app.platform.web.problems import PROBES, own_path, route_of
from app.platform.web.sockets import FAILED, SocketExchange

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
UNMATCHED = "unmatched"
_SOCKET_SECONDS = (1, 10, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)
_PRIVATE_CODES = "3000"


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

    def observe(self, exchange: Exchange, seconds: float) -> None:
        # Unless it says otherwise before the client is gone.
        status = exchange.status or 499
        key = method_of(exchange), route_of(exchange.scope) or UNMATCHED, status
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._duration.labels(*key)
        series.observe(seconds)


class SocketMetrics:
    """As many series as there are routes, and ways to end."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.active = Gauge(
            "websocket_server_active_connections",
            "WebSockets that are open, or in their handshake.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._duration = Histogram(
            "websocket_server_connection_duration_seconds",
            "From the handshake of a WebSocket until it is closed, or was refused.",
            ["http_route", "http_response_status_code", "websocket_close_code"],
            buckets=_SOCKET_SECONDS,
            registry=registry,
        )

    def observe(self, exchange: SocketExchange, seconds: float) -> None:
        code = "" if exchange.code is None else str(exchange.code)
        # Clients may close with thousands of codes that mean something to them alone.
        if code >= _PRIVATE_CODES:
            code = OTHER
        route = route_of(exchange.scope) or UNMATCHED
        self._duration.labels(route, exchange.status or 499, code).observe(seconds)


def measured(answer: Answer) -> Answer:
    """Find out by the state of the application where to count."""

    async def count(exchange: Exchange) -> None:
        telemetry = _telemetry_of(exchange)
        if telemetry is None:
            await answer(exchange)
            return
        is_socket = isinstance(exchange, SocketExchange)
        metrics = telemetry.instrument(SocketMetrics if is_socket else RequestMetrics)
        began = perf_counter()
        metrics.active.inc()
        try:
            await answer(exchange)
        finally:
            metrics.active.dec()
            metrics.observe(exchange, perf_counter() - began)

    return count


def method_of(exchange: Exchange) -> str:
    return exchange.method if exchange.method in METHODS else OTHER


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


def traced(answer: Answer) -> Answer:
    """Name routes, never paths: those may hold what should not be told."""

    async def follow(exchange: Exchange) -> None:
        telemetry = _telemetry_of(exchange)
        if telemetry is None or own_path(exchange.scope) in PROBES:
            await answer(exchange)
            return
        with telemetry.tracing.span(method_of(exchange), SpanKind.SERVER) as span:
            try:
                await answer(exchange)
            finally:
                if span is not None:
                    _describe(span, exchange)

    return follow


def _describe(span: Span, exchange: Exchange) -> None:
    method, route, status = (
        method_of(exchange),
        route_of(exchange.scope),
        exchange.status,
    )
    span.set_attribute("http.request.method", method)
    span.set_attribute("app.request_id", context.request_id() or "")
    if route:
        span.set_attribute("http.route", route)
        span.update_name(f"{method} {route}")
    if status is None:
        return
    span.set_attribute("http.response.status_code", status)
    code = exchange.code if isinstance(exchange, SocketExchange) else None
    if code is not None:
        span.set_attribute("websocket.close.code", code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or code == FAILED:
        span.set_attribute("error.type", str(code or status))
        span.set_status(Status(StatusCode.ERROR))


def _telemetry_of(exchange: Exchange) -> Any:
    """None before the service runs."""
    platform = exchange.scope.get("state", {}).get("platform")
    return None if platform is None else platform.telemetry


# Outermost first: what is measured includes what is traced.
OBSERVERS: Sequence[Observer] = (traced, measured)
