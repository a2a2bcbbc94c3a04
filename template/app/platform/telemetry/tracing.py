"""The steps of a trace, each below the one that caused it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
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
