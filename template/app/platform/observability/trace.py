"""Where in a trace this work stands (W3C Trace Context)."""

import re
import secrets
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
