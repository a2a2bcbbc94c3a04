"""The numbers of one process, and the small server that shows them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

log = structlog.get_logger(__name__)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
OTHER = "_OTHER"


class Metrics(Collector):
    """A registry, and what is read anew whenever somebody looks at it."""

    def __init__(self) -> None:
        # Twice the series, to say since when each counts.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._readers: list[Callable[[], None]] = []
        # The first to be collected, so that what follows is fresh.
        self.registry.register(self)

    def on_refresh(self, read: Callable[[], None]) -> None:
        """Have numbers that others keep copied here only when they are looked at."""
        self._readers.append(read)

    def refresh(self) -> None:
        for read in self._readers:
            read()

    def collect(self) -> Iterable[Metric]:
        self.refresh()
        return ()

    def describe(self) -> Iterable[Metric]:
        return ()


class Measuring(Protocol):
    """Whoever has a registry for the numbers of a part."""

    @property
    def metrics(self) -> Metrics: ...


class ServiceInfo(Collector):
    """Says whose numbers these are."""

    def __init__(self, *, service: str, environment: str, version: str) -> None:
        self._labels = {
            "service_name": service,
            "environment": environment,
            "version": version,
        }

    def collect(self) -> Iterable[Metric]:
        info = GaugeMetricFamily(
            "service_info", "Which service this is.", labels=[*self._labels]
        )
        info.add_metric([*self._labels.values()], 1)
        return (info,)


class Bounded:
    """Lets a label have so many values; all that come later share one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value not in self._known:
            if len(self._known) >= self._limit:
                return OTHER
            self._known.add(value)
        return value


def describe_process(registry: CollectorRegistry) -> None:
    """Add memory, files, CPU and garbage collection of this very process."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)


@contextmanager
def serving(registry: CollectorRegistry, *, host: str, port: int) -> Iterator[None]:
    """Show the numbers on a port of their own; 0 shows them to nobody."""
    if port == 0:
        yield
        return
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        # A service that cannot be watched is better than none.
        log.error("metrics.not_served", detail=_refusal(host, port, error))
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _refusal(host: str, port: int, error: OSError) -> str:
    return (
        f"Nobody can read this process's metrics: {host}:{port} cannot be had "
        f"({error.strerror}). Set TELEMETRY__METRICS_PORT to a free port, or to 0."
    )
