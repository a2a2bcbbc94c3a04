"""How long third parties take, and each attempt to call one as a step of its trace."""

from collections import Counter as Counts
from collections.abc import Awaitable, Callable
from time import perf_counter

from opentelemetry.trace import SpanKind, Status, StatusCode
from prometheus_client import Counter, Gauge, Histogram

from app.platform.http.breaker import BreakerState
from app.platform.http.client import HttpClient
from app.platform.http.errors import ThirdPartyErred
from app.platform.http.host import Host
from app.platform.http.retry import Call
from app.platform.http.transport import HttpResponse
from app.platform.observability.context import TRACEPARENT
from app.platform.telemetry.metrics import SECONDS, Bounded, Metrics
from app.platform.telemetry.tracing import Tracing, Watching, step_of

# More third parties than any service names in its code.
MAX_HOSTS = 100
CLIENT_ERROR = 400


def watch(part: object, telemetry: Watching) -> None:
    """Measure the part and, where traces are kept, record what it does."""
    if isinstance(part, HttpClient):
        part.attempt = MeasuredAttempts(part, telemetry.metrics)
        telemetry.metrics.on_refresh(Breakers(part, telemetry.metrics).read)
        if telemetry.tracing.records:
            part.attempt = TracedAttempts(part.attempt, telemetry.tracing)


class MeasuredAttempts:
    """Does what a client does for one attempt, and takes the time."""

    def __init__(self, client: HttpClient, metrics: Metrics) -> None:
        self._attempt = client.attempt
        self._host = Bounded(MAX_HOSTS)
        self._duration = Histogram(
            "http_client_request_duration_seconds",
            "One attempt at a call, from waiting for a connection to the whole answer.",
            ["server_address", "http_response_status_code", "error_type"],
            buckets=SECONDS,
            registry=metrics.registry,
        )

    async def __call__(self, call: Call) -> HttpResponse:
        began = perf_counter()
        status, error_type = "", ""
        try:
            response = await self._attempt(call)
            status = str(response.status)
        except ThirdPartyErred as error:
            status = str(error.status)
            raise
        except BaseException as error:
            error_type = type(error).__name__
            raise
        else:
            return response
        finally:
            labels = self._host(call.host.name), status, error_type
            self._duration.labels(*labels).observe(perf_counter() - began)


class Breakers:
    """Shows what the breakers know of themselves."""

    def __init__(self, client: HttpClient, metrics: Metrics) -> None:
        self._client = client
        self._host = Bounded(MAX_HOSTS)
        self._shown: Counts[tuple[str, BreakerState]] = Counts()
        self._state = Gauge(
            "circuit_breaker_state",
            "1 for the state that a third party's breaker is in.",
            ["server_address", "state"],
            registry=metrics.registry,
            multiprocess_mode="livemax",
        )
        self._transitions = Counter(
            "circuit_breaker_transitions",
            "How often a third party's breaker came to a state.",
            ["server_address", "state"],
            registry=metrics.registry,
        )

    def read(self) -> None:
        for host in list(self._client.hosts.values()):
            for state in BreakerState:
                self._show(host, state)

    def _show(self, host: Host, state: BreakerState) -> None:
        labels = self._host(host.name), state.value
        self._state.labels(*labels).set(host.breaker.state is state)
        count, key = host.breaker.transitions[state], (host.name, state)
        self._transitions.labels(*labels).inc(count - self._shown[key])
        self._shown[key] = count


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
