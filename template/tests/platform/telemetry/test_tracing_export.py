import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from time import monotonic, perf_counter

import pytest
from pydantic import HttpUrl, ValidationError
from structlog.testing import capture_logs

from app.platform.observability import context
from app.platform.telemetry.opentelemetry import (
    OpentelemetryTelemetry,
    OpentelemetryTelemetrySettings,
)
from dev.process import HOST, free_port
from tests.fixtures.tls import HOST as LOOPBACK
from tests.fixtures.tls import TlsServer
from tests.platform.telemetry.tracing_collector import (
    Collector,
    black_hole,
    collecting,
)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """Wait for each sender: what it says too late would be heard in another test."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("OtelBatch"):
            thread.join(timeout=10)


def sending_to(url: str, **changes: float) -> OpentelemetryTelemetrySettings:
    quick = {
        "otlp_endpoint": HttpUrl(url),
        "sample_ratio": 1,
        "queue_spans": 16,
        "batch_spans": 4,
        "export_interval_seconds": 0.01,
        "export_timeout_seconds": 30,
        "flush_seconds": 0.2,
    }
    return OpentelemetryTelemetrySettings.model_validate(quick | changes)


async def work(telemetry: OpentelemetryTelemetry, times: int) -> None:
    with context.resume({}):
        for _ in range(times):
            with telemetry.span("work"):
                await asyncio.sleep(0)


async def record(settings: OpentelemetryTelemetrySettings) -> OpentelemetryTelemetry:
    async with _open(settings) as telemetry:
        await work(telemetry, 10)
    return telemetry


class TestEndpoint:
    @pytest.mark.parametrize("end", ["/v1/traces", "/v1/traces/", "?a=b", "#a"])
    def test_that_would_be_another_is_refused(self, end: str) -> None:
        with pytest.raises(ValidationError, match="must end before /v1/traces"):
            sending_to(f"https://collector.example{end}")

    def test_is_safe_on_this_machine_and_over_tls(self) -> None:
        for url, refused in (
            ("http://collector.example", 1),
            ("https://collector.example", 0),
            ("http://localhost:4318", 0),
        ):
            assert len(list(sending_to(url).unsafe())) == refused


def to_port(port: int) -> OpentelemetryTelemetrySettings:
    url = f"https://{LOOPBACK}:{port}"
    return sending_to(url, export_timeout_seconds=2, flush_seconds=2)


class TestTls:
    async def test_tells_an_impostor_nothing(self, impostor: TlsServer) -> None:
        async with impostor.serve() as port:
            await record(to_port(port))

        assert not impostor.heard

    async def test_speaks_to_a_server_that_proves_itself(
        self, proven: TlsServer
    ) -> None:
        greeting = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

        async with proven.serve(greeting=greeting) as port:
            await record(to_port(port))

        assert b"POST /v1/traces" in proven.heard


class TestCollector:
    async def test_has_every_span_by_the_end(self, collector: Collector) -> None:
        settings = sending_to(collector.url, export_interval_seconds=60)

        telemetry = await record(settings)

        assert [span.name for span in collector.spans] == ["work"] * 10
        assert _counted(telemetry, "exported") == 10

    async def test_that_refuses_is_reported_once_and_without_a_traceback(
        self, collector: Collector, capsys: pytest.CaptureFixture[str]
    ) -> None:
        collector.status = 400

        with capture_logs() as logs:
            telemetry = await record(sending_to(collector.url))

        assert collector.requests > 1
        assert [line["event"] for line in logs] == ["telemetry.export_failed"]
        assert "Traceback" not in "".join(capsys.readouterr())
        assert _counted(telemetry, "failed") == 10

    @pytest.mark.parametrize("where", ["nowhere", "black hole"])
    async def test_that_is_not_there_delays_neither_work_nor_the_end(
        self, where: str
    ) -> None:
        with black_hole() as hole:
            url = hole if where == "black hole" else f"http://{HOST}:{free_port()}"
            async with _open(sending_to(url)) as telemetry:
                await work(telemetry, 20)
                slowest = await _slowest_of_the_quickest(telemetry)
                began = monotonic()

        assert slowest < 0.1
        assert monotonic() - began < 5
        assert _counted(telemetry, "recorded") > 16 + 4


async def _slowest_of_the_quickest(telemetry: OpentelemetryTelemetry) -> float:
    """Take the best of several runs, each as slow as its slowest span."""
    runs = []
    for _ in range(5):
        spans = []
        for _ in range(50):
            began = perf_counter()
            await work(telemetry, 1)
            spans.append(perf_counter() - began)
        runs.append(max(spans))
    return min(runs)


def _open(
    settings: OpentelemetryTelemetrySettings,
) -> AbstractAsyncContextManager[OpentelemetryTelemetry]:
    return OpentelemetryTelemetry.open(settings, service="shop", environment="test")


def _counted(telemetry: OpentelemetryTelemetry, outcome: str) -> float:
    registry = telemetry.metrics.registry
    return registry.get_sample_value("telemetry_spans_total", {"outcome": outcome}) or 0
