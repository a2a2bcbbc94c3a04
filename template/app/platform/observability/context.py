"""Which request, and which trace, the current work belongs to."""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from app.platform.observability.trace import TraceContext

REQUEST_ID = "x-request-id"
TRACEPARENT = "traceparent"

_SANE = re.compile(r"[A-Za-z0-9._-]{8,128}")
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
# The latest step of the trace: the caller's, until work here is given one of its own.
_trace: ContextVar[TraceContext | None] = ContextVar("trace", default=None)


def request_id() -> str | None:
    return _request_id.get()


def trace_id() -> str | None:
    trace = _trace.get()
    return trace.trace_id if trace else None


def step() -> TraceContext | None:
    """Say which step of which trace causes what is done now."""
    return _trace.get()


@contextmanager
def entered(trace: TraceContext) -> Iterator[None]:
    """Let a step of its own cause what is done in the block."""
    token = _trace.set(trace)
    try:
        yield
    finally:
        _trace.reset(token)


@contextmanager
def resume(carried: Mapping[str, str]) -> Iterator[str]:
    """
    Continue the request and the trace that `carry` or a caller's headers describe.

    What is missing or malformed is made up anew. Yields the request id.
    """
    identifier = _request_id.set(_accept(carried.get(REQUEST_ID)))
    trace = _trace.set(_continue(carried.get(TRACEPARENT)))
    try:
        yield _request_id.get() or ""
    finally:
        _trace.reset(trace)
        _request_id.reset(identifier)


def carry() -> dict[str, str]:
    """Describe the current request and trace, for work that runs elsewhere or later."""
    carried = {}
    if identifier := _request_id.get():
        carried[REQUEST_ID] = identifier
    if trace := _trace.get():
        carried[TRACEPARENT] = trace.traceparent
    return carried


def outgoing_headers() -> dict[str, str]:
    """Name this request to the service that is about to be called."""
    headers = carry()
    if trace := _trace.get():
        headers[TRACEPARENT] = trace.child().traceparent
    return headers


def _accept(identifier: str | None) -> str:
    if identifier is not None and _SANE.fullmatch(identifier):
        return identifier
    return secrets.token_hex(16)


def _continue(traceparent: str | None) -> TraceContext:
    caller = traceparent and TraceContext.parse(traceparent)
    return caller or TraceContext.new()
