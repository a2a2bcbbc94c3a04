"""How many requests there are, how long they take, and how they end."""

from time import perf_counter

from prometheus_client import CollectorRegistry, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.platform.telemetry.metrics import OTHER, SECONDS, Measuring, Metrics
from app.platform.web.readiness import Readiness
from app.platform.web.routing import route_of

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
        requests: RequestMetrics = scope["state"]["platform"].telemetry.requests
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
    )
    ready = Gauge(
        "readiness_ready",
        "1 if this process wants requests.",
        registry=metrics.registry,
    )

    def read() -> None:
        ready.set(readiness.ready)
        for dependency in readiness.dependencies:
            up.labels(dependency.check.name).set(dependency.reason is None)

    metrics.on_refresh(read)
