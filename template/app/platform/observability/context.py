"""On whose behalf something happens: request and trace, handed on to what follows."""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Self

_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace_id>[0-9a-f]{32})"
    r"-(?!0{16})(?P<span_id>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?",
)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One step of a trace; the steps it causes are its children."""

    trace_id: str
    span_id: str
    sampled: bool
    # Made up here for lack of a caller: nobody knows of it yet.
    root: bool = False

    @classmethod
    def new(cls) -> Self:
        ids = secrets.token_hex(16), secrets.token_hex(8)
        return cls(*ids, sampled=False, root=True)

    @classmethod
    def parse(cls, traceparent: str) -> Self | None:
        """Read the header of a caller; None if it is not valid."""
        match = _TRACEPARENT.fullmatch(traceparent)
        if match is None or (match["version"] == "00" and match["rest"]):
            return None
        sampled = bool(int(match["flags"], 16) & 0x01)
        return cls(match["trace_id"], match["span_id"], sampled)

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}"

    def child(self) -> Self:
        return type(self)(self.trace_id, secrets.token_hex(8), self.sampled)


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
    given = carried.get(REQUEST_ID, "")
    identity = given if _SANE.fullmatch(given) else secrets.token_hex(16)
    caller = TraceContext.parse(carried.get(TRACEPARENT, ""))
    identifier = _request_id.set(identity)
    trace = _trace.set(caller or TraceContext.new())
    try:
        yield identity
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
