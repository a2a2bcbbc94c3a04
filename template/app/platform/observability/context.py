"""On whose behalf something happens: caller, request and trace, handed on."""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, Self, cast

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


ANONYMOUS = "anonymous"
ADMIN = "admin"
OPAQUE = re.compile(r"[A-Za-z0-9._~:|=+/-]{1,255}")

type Kind = Literal["anonymous", "user", "service"]


@dataclass(frozen=True, slots=True)
class Principal:
    """
    Who asks: nobody known, until an identity has been proved.

    Its names are opaque, for they stand in logs: no address, no name of a person.
    """

    id: str = ANONYMOUS
    tenant: str | None = None
    kind: Kind = "anonymous"
    scopes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = (self.id, self.tenant or self.id, *self.scopes)
        if not all(map(OPAQUE.fullmatch, names)) or self.tenant == "":
            raise ValueError("A principal's names are opaque identifiers.")

    def __str__(self) -> str:
        """Differ for each two callers: neither part has a space."""
        return f"{self.tenant or ''} {self.id}"

    @property
    def sees_all(self) -> bool:
        """Whether every row is there for it, as for what no request asked for."""
        itself = (self.id, self.kind) == (SERVICE.id, SERVICE.kind)
        return itself or ADMIN in self.scopes

    def described(self) -> dict[str, str]:
        """Say what is known, which of an anonymous caller is the tenant at most."""
        own = {} if self.id in {ANONYMOUS, SERVICE.id} else {CALLER: self.id}
        return own if self.tenant is None else {**own, TENANT: self.tenant}

    def carried(self) -> dict[str, str]:
        """Describe it for `restore`: what it may do goes along."""
        may = {KIND: self.kind, SCOPES: " ".join(sorted(self.scopes))}
        known = {name: value for name, value in may.items() if value}
        return self.described() | (known if self.kind != ANONYMOUS else {})

    @classmethod
    def restored(cls, carried: Mapping[str, str]) -> Self:
        kind = carried.get(KIND, ANONYMOUS)
        named = SERVICE.id if kind == SERVICE.kind else ANONYMOUS
        return cls(
            carried.get(CALLER, named),
            carried.get(TENANT),
            cast("Kind", kind),
            frozenset(carried.get(SCOPES, "").split()),
        )


@dataclass(slots=True)
class _Asks:
    """One for each request, so that a dependency on a thread may fill it in, too."""

    caller: Principal


REQUEST_ID = "x-request-id"
TRACEPARENT = "traceparent"
CALLER = "caller"
TENANT = "tenant"
KIND = "caller-kind"
SCOPES = "caller-scopes"
# What no request and no message asked for: a command, a schedule, a shell.
SERVICE = Principal("service", kind="service")
# Whoever begins a request: made once, since a name is checked when it is.
_NOBODY = Principal()

_SANE = re.compile(r"[A-Za-z0-9._-]{8,128}")
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_asks: ContextVar[_Asks | None] = ContextVar("asks", default=None)
# The latest step of the trace: the caller's, until work here is given one of its own.
_trace: ContextVar[TraceContext | None] = ContextVar("trace", default=None)


def request_id() -> str | None:
    return _request_id.get()


def caller() -> Principal:
    asks = _asks.get()
    return asks.caller if asks else SERVICE


def identify(caller: Principal) -> None:
    """Say who asks, once it is proved: until the request or the message is done."""
    asks = _asks.get()
    if asks is None:
        raise RuntimeError("Nobody asks outside of a request or a message.")
    asks.caller = caller


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
def resume(headers: Mapping[str, str]) -> Iterator[str]:
    """
    Continue the request and the trace that a caller's headers describe.

    What is missing or malformed is made up anew. Whoever asks is anonymous, whatever
    the headers say. Yields the request id.
    """
    given = headers.get(REQUEST_ID, "")
    identity = given if _SANE.fullmatch(given) else secrets.token_hex(16)
    cause = TraceContext.parse(headers.get(TRACEPARENT, ""))
    identifier = _request_id.set(identity)
    trace = _trace.set(cause or TraceContext.new())
    asks = _asks.set(_Asks(_NOBODY))
    try:
        yield identity
    finally:
        _asks.reset(asks)
        _trace.reset(trace)
        _request_id.reset(identifier)


@contextmanager
def restore(carried: Mapping[str, str]) -> Iterator[str]:
    """Continue what `carry` described, its caller too: only what was kept here."""
    with resume(carried) as identifier:
        # Nobody asked for what was begun outside of a request.
        of_nobody = REQUEST_ID not in carried and CALLER not in carried
        identify(SERVICE if of_nobody else Principal.restored(carried))
        yield identifier


def carry() -> dict[str, str]:
    """Describe caller, request and trace, for work that runs elsewhere or later."""
    asks = _asks.get()
    return (asks.caller.carried() if asks else {}) | _traced(_trace.get())


def outgoing_headers() -> dict[str, str]:
    """Name this request, and nobody who asks, to the service that is to be called."""
    trace = _trace.get()
    return _traced(trace.child() if trace else None)


def _traced(trace: TraceContext | None) -> dict[str, str]:
    identifier = _request_id.get()
    known = {REQUEST_ID: identifier, TRACEPARENT: trace and trace.traceparent}
    return {name: value for name, value in known.items() if value}
