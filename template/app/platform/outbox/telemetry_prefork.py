"""The numbers of a worker, whose children count into files."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from celery.signals import worker_init, worker_shutdown
from prometheus_client import CollectorRegistry, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.platform.telemetry.metrics import ServiceInfo, serving
from app.platform.telemetry.opentelemetry import OpentelemetryTelemetrySettings

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def install(
    settings: OpentelemetryTelemetrySettings, *, service: str, environment: str
) -> None:
    """Have the first process of a worker answer for all, while it lives."""
    registry = CollectorRegistry()
    registry.register(
        ServiceInfo(
            service=service, environment=environment, version=settings.service_version
        )
    )
    stack = ExitStack()

    def start(**_: Any) -> None:
        stack.enter_context(counting_into_files(registry))
        stack.enter_context(
            serving(registry, host=settings.metrics_host, port=settings.metrics_port)
        )

    def stop(**_: Any) -> None:
        stack.close()

    worker_init.connect(start, weak=False)
    worker_shutdown.connect(stop, weak=False)


@contextmanager
def counting_into_files(registry: CollectorRegistry) -> Iterator[None]:
    """Show in the registry what processes forked from now on count."""
    with TemporaryDirectory(prefix="metrics-") as directory:
        os.environ[DIRECTORY] = directory
        _choose_values()
        registry.register(Living(Path(directory)))
        MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            del os.environ[DIRECTORY]
            _choose_values()


class Living(Collector):
    """Forgets what the dead were doing; what they have done still counts."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        for file in self._directory.glob("gauge_live*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not _lives(pid):
                file.unlink(missing_ok=True)
        return ()

    def describe(self) -> Iterable[Metric]:
        return ()


def _choose_values() -> None:
    """Do again what the library does when it is imported: look at the environment."""
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
