"""Telemetry: traces by OpenTelemetry, numbers for Prometheus."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from threading import Lock
from time import monotonic
from typing import Annotated, Any, ClassVar, Self

import requests
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry, Counter
from pydantic import AfterValidator, Field, HttpUrl

from app.platform.configuration import (
    Limit,
    Refusal,
    Section,
    authorities,
    refuse_plain_text,
)
from app.platform.telemetry import Attribute, Page, Watcher
from app.platform.telemetry.metrics import Metrics, describe_process, written
from app.platform.telemetry.tracing import TraceIds, Tracing

log = structlog.get_logger(__name__)

REPORT_SECONDS = 60.0
# They report each batch that cannot be sent, some with a traceback.
_NOISY = ("opentelemetry.exporter", "opentelemetry.sdk")


def _base(url: HttpUrl) -> HttpUrl:
    if url.query or url.fragment or (url.path or "").rstrip("/").endswith("/v1/traces"):
        raise ValueError("must end before /v1/traces, which is added to it")
    return url


class OpentelemetryTelemetrySettings(Section):
    """`TELEMETRY__*` in the environment."""

    service_version: str = ""
    """Which release this is, in metrics and traces."""

    otlp_endpoint: Annotated[HttpUrl, AfterValidator(_base)] | None = None
    """The collector's address for OTLP over HTTP; without one, nothing is traced."""
    sample_ratio: float = Field(0.1, ge=0, le=1)
    """How many of the traces that begin here are recorded, as a share of one."""
    queue_spans: int = Field(2048, ge=1)
    """Spans that wait for the collector; when there are more, the oldest are lost."""
    batch_spans: int = Field(512, ge=1)
    """At most so many are sent at once; no more than may wait."""
    export_interval_seconds: float = Field(5.0, gt=0)
    """How long a span waits at most before it is sent."""
    export_timeout_seconds: float = Field(5.0, gt=0)
    """How long the collector may take for a batch, with all repetitions."""
    flush_seconds: float = Field(3.0, gt=0)
    """How long a process that stops waits for its last spans to be sent."""
    poll_seconds: float = Field(5.0, gt=0)
    """How often numbers that only the database knows are read."""

    def unsafe(self) -> Iterator[Refusal]:
        # A collector beside the process is as good as any.
        yield from refuse_plain_text("otlp_endpoint", self.otlp_endpoint)

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "TELEMETRY__BATCH_SPANS",
            below="TELEMETRY__QUEUE_SPANS",
            reason="no span finds a place while a batch is sent",
        ),
        Limit(
            "SERVER__DRAIN_SECONDS",
            "SERVER__FINISH_SECONDS",
            "TELEMETRY__FLUSH_SECONDS",
            below="SERVER__GRACE_SECONDS",
            reason="a process that stops is killed before its last spans are sent",
        ),
    )


class OpentelemetryTelemetry:
    """Whom it tells of a part is for the composition to say: no part knows of it."""

    def __init__(
        self,
        settings: OpentelemetryTelemetrySettings,
        *,
        tracer: Tracer | None,
        metrics: Metrics,
        watchers: Sequence[Watcher],
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.tracing = Tracing(tracer, sample_ratio=settings.sample_ratio)
        self._watchers = watchers
        self._instruments: dict[object, Any] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: OpentelemetryTelemetrySettings,
        *,
        service: str,
        environment: str,
        watchers: Sequence[Watcher] = (),
    ) -> AsyncIterator[Self]:
        metrics = Metrics()
        describe_process(
            metrics.registry,
            service_name=service,
            environment=environment,
            version=settings.service_version,
        )
        if settings.otlp_endpoint is None:
            yield cls(settings, tracer=None, metrics=metrics, watchers=watchers)
            return
        async with exporting(
            settings,
            resource={
                "service.name": service,
                "service.version": settings.service_version,
                "deployment.environment.name": environment,
            },
            registry=metrics.registry,
        ) as provider:
            tracer = provider.get_tracer("app")
            yield cls(settings, tracer=tracer, metrics=metrics, watchers=watchers)

    def watch(self, part: object) -> None:
        for watch in self._watchers:
            watch(part, self)

    def span(
        self, name: str, **attributes: Attribute
    ) -> AbstractContextManager[object]:
        return self.tracing.span(name, attributes=attributes)

    def page(self, accept: str) -> Page | None:
        return written(self.metrics.registry, accept)

    def instrument[T](self, kind: Callable[[CollectorRegistry], T]) -> T:
        """Give one of a kind, the same to all who ask."""
        if kind not in self._instruments:
            self._instruments[kind] = kind(self.metrics.registry)
        made: T = self._instruments[kind]
        return made


@asynccontextmanager
async def exporting(
    settings: OpentelemetryTelemetrySettings,
    *,
    resource: dict[str, str],
    registry: CollectorRegistry,
) -> AsyncIterator[TracerProvider]:
    """
    Send spans in batches; what cannot be sent in time is dropped, and counted.

    Nobody waits for the collector but the end of the block, so long as `flush_seconds`.
    """
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    session = requests.Session()
    # It asks no proxy, no .netrc and no other bundle of the machine's.
    session.trust_env = False
    sender = CountedExporter(
        OTLPSpanExporter(
            f"{settings.otlp_endpoint}".rstrip("/") + "/v1/traces",
            timeout=settings.export_timeout_seconds,
            certificate_file=authorities(),
            session=session,
        ),
        registry,
    )
    batches = CountedBatches(
        sender,
        max_queue_size=settings.queue_spans,
        max_export_batch_size=settings.batch_spans,
        schedule_delay_millis=settings.export_interval_seconds * 1000,
    )
    provider = create_provider(resource)
    provider.add_span_processor(batches)
    try:
        yield provider
    finally:
        await asyncio.to_thread(batches.end, settings.flush_seconds)


def create_provider(resource: dict[str, str]) -> TracerProvider:
    return TracerProvider(
        # Whether to record is decided before a span is made.
        sampler=ALWAYS_ON,
        resource=Resource.create(resource),
        id_generator=TraceIds(),
        shutdown_on_exit=False,
    )


class CountedExporter(SpanExporter):
    """Counts what reached the collector, and says once a minute if nothing does."""

    def __init__(self, exporter: SpanExporter, registry: CollectorRegistry) -> None:
        self.spans = Counter(
            "telemetry_spans",
            "Spans recorded, and what became of them; the rest waits or was dropped.",
            ["outcome"],
            registry=registry,
        )
        self._exporter = exporter
        self._reporting = Lock()
        self._next_report = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        sent = result is SpanExportResult.SUCCESS
        self.spans.labels("exported" if sent else "failed").inc(len(spans))
        # The end sends what is left beside the thread that sends now and then.
        with self._reporting:
            due = not sent and monotonic() >= self._next_report
            if due:
                self._next_report = monotonic() + REPORT_SECONDS
        if due:
            log.warning("telemetry.export_failed", spans=len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class CountedBatches(BatchSpanProcessor):
    """Counts what is recorded; when the queue is full, the oldest span makes room."""

    def __init__(self, exporter: CountedExporter, **limits: Any) -> None:
        super().__init__(exporter, **limits)
        self._recorded = exporter.spans.labels("recorded")

    def on_end(self, span: ReadableSpan) -> None:
        self._recorded.inc()
        super().on_end(span)

    def end(self, flush_seconds: float) -> None:
        """Send what is left, within so many seconds."""
        self._batch_processor.shutdown(timeout_millis=round(flush_seconds * 1000))
