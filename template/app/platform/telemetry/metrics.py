"""The numbers of one process."""

from collections.abc import Callable, Iterable
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from app.platform.telemetry import Page

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


def describe_process(registry: CollectorRegistry, **labels: str) -> None:
    """Say whose numbers these are; add memory, files, CPU and garbage collection."""
    info = Gauge(
        "service_info",
        "Which service this is.",
        labels,
        registry=registry,
        multiprocess_mode="livemax",
    )
    info.labels(**labels).set(1)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)


def written(registry: CollectorRegistry, accept: str) -> Page:
    """Write all numbers in the format that is accepted, or else as plain text."""
    write, content_type = choose_encoder(accept)
    return content_type, write(registry)
