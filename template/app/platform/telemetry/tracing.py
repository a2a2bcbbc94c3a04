"""The steps of a trace, each below the one that caused it, and their way out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Protocol

import requests
import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    set_span_in_context,
)
from prometheus_client import CollectorRegistry, Counter

from app.platform.configuration import authorities
from app.platform.observability import context
from app.platform.observability.context import TraceContext
from app.platform.telemetry import Attribute
from app.platform.telemetry.metrics import Measuring

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NO_PARENT = Context()


class Tracing:
    """
    Records what happens under a sampled step, and nothing else.

    Whoever began the trace decides if it is sampled; where it begins here, its id
    does, so that every process decides the same. Errors leave their kind, never their
    words: those may hold what a customer sent.
    """

    def __init__(self, tracer: Tracer | None, *, sample_ratio: float) -> None:
        self.records = tracer is not None
        self._tracer = tracer
        self._bound = round(sample_ratio * 2**64)

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Iterator[Span | None]:
        """Make the block a step of its own; None if nobody looks."""
        span = self.begin(name, kind, attributes)
        if span is None:
            yield None
            return
        try:
            with context.entered(step_of(span)):
                yield span
        except BaseException as error:
            fail(span, error)
            raise
        finally:
            span.end()

    def begin(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, Attribute] | None = None,
        *,
        cause: TraceContext | None = None,
    ) -> Span | None:
        """Leave it to the caller to end the span."""
        cause = cause or context.step()
        if self._tracer is None or cause is None or not self._samples(cause):
            return None
        return self._tracer.start_span(name, _parent(cause), kind, attributes)

    def _samples(self, cause: TraceContext) -> bool:
        if cause.root:
            return int(cause.trace_id[16:], 16) < self._bound
        return cause.sampled


class Recording(Protocol):
    """Whoever records the steps of a part."""

    @property
    def tracing(self) -> Tracing: ...


class Watching(Measuring, Recording, Protocol):
    """Whoever does both."""


class TraceIds(RandomIdGenerator):
    """A trace that begins here has the id that the log lines of its work have."""

    def generate_trace_id(self) -> int:
        step = context.step()
        return int(step.trace_id, 16) if step else super().generate_trace_id()


def step_of(span: Span) -> TraceContext:
    ids = span.get_span_context()
    return TraceContext(f"{ids.trace_id:032x}", f"{ids.span_id:016x}", sampled=True)


def fail(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))


def _parent(cause: TraceContext) -> Context:
    if cause.root:
        return _NO_PARENT
    ids = int(cause.trace_id, 16), int(cause.span_id, 16)
    remote = SpanContext(*ids, is_remote=True, trace_flags=_SAMPLED)
    return set_span_in_context(NonRecordingSpan(remote), _NO_PARENT)


log = structlog.get_logger(__name__)

REPORT_SECONDS = 60.0
# They report each batch that cannot be sent, some with a traceback.
_NOISY = ("opentelemetry.exporter", "opentelemetry.sdk")


class ExportSettings(Protocol):
    """What the way of spans depends on."""

    @property
    def queue_spans(self) -> int: ...
    @property
    def batch_spans(self) -> int: ...
    @property
    def export_interval_seconds(self) -> float: ...
    @property
    def export_timeout_seconds(self) -> float: ...
    @property
    def flush_seconds(self) -> float: ...


@asynccontextmanager
async def exporting(
    endpoint: str,
    settings: ExportSettings,
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
    sender = CountedExporter(
        OTLPSpanExporter(
            endpoint.rstrip("/") + "/v1/traces",
            timeout=settings.export_timeout_seconds,
            certificate_file=authorities(),
            session=_session(),
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


def _session() -> requests.Session:
    """Ask no proxy, no .netrc and no other bundle of the machine's."""
    session = requests.Session()
    session.trust_env = False
    return session


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
        self._next_report = 0.0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        sent = result is SpanExportResult.SUCCESS
        self.spans.labels("exported" if sent else "failed").inc(len(spans))
        if not sent and monotonic() >= self._next_report:
            self._next_report = monotonic() + REPORT_SECONDS
            log.warning("telemetry.export_failed", spans=len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class CountedBatches(BatchSpanProcessor):
    """Counts what is recorded; when the queue is full, the oldest span makes room."""

    def __init__(
        self,
        exporter: CountedExporter,
        *,
        max_queue_size: int,
        max_export_batch_size: int,
        schedule_delay_millis: float,
    ) -> None:
        super().__init__(
            exporter,
            max_queue_size=max_queue_size,
            max_export_batch_size=max_export_batch_size,
            schedule_delay_millis=schedule_delay_millis,
        )
        self._recorded = exporter.spans.labels("recorded")

    def on_end(self, span: ReadableSpan) -> None:
        self._recorded.inc()
        super().on_end(span)

    def end(self, flush_seconds: float) -> None:
        """Send what is left, within so many seconds."""
        self._batch_processor.shutdown(timeout_millis=round(flush_seconds * 1000))
