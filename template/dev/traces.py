"""A viewer of traces for development: each request as a tree of its steps."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

HOST = "127.0.0.1"
# Each process sends its spans on its own: a trace is shown once no more of it come.
QUIET_SECONDS = 1.0
LOOK_SECONDS = 0.1
REMEMBERED = 1000
# What is worth a word besides the name.
SHOWN = ("http.response.status_code", "error.type")
REQUEST_ID = "app.request_id"


@dataclass(slots=True)
class Waiting:
    """The spans of one trace that were not shown yet."""

    spans: list[Span] = field(default_factory=list)
    latest: float = 0.0


class Viewer(ThreadingHTTPServer):
    """Takes spans as a collector does, and prints trees of them."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__((HOST, port), _Handler)
        self._waiting: dict[bytes, Waiting] = {}
        # By trace, so that what a task does later is known to belong to a request.
        self._requests: dict[bytes, str] = {}
        self._lock = threading.Lock()

    def take(self, spans: Sequence[Span]) -> None:
        with self._lock:
            for span in spans:
                trace = self._waiting.setdefault(span.trace_id, Waiting())
                trace.spans.append(span)
                trace.latest = time.monotonic()

    def show(self) -> None:
        """Print, for ever, what has been quiet for a while."""
        while True:
            time.sleep(LOOK_SECONDS)
            for trace_id, trace in self._quiet():
                print("\n".join(self._lines(trace_id, trace.spans)), flush=True)

    def _quiet(self) -> list[tuple[bytes, Waiting]]:
        before = time.monotonic() - QUIET_SECONDS
        with self._lock:
            traces = [*self._waiting.items()]
            quiet = [(id_, trace) for id_, trace in traces if trace.latest < before]
            for id_, _ in quiet:
                del self._waiting[id_]
        return quiet

    def _lines(self, trace_id: bytes, spans: Sequence[Span]) -> Iterator[str]:
        named = (value for span in spans if (value := _words(span).get(REQUEST_ID)))
        request = next(named, self._requests.get(trace_id, ""))
        self._requests[trace_id] = request
        if len(self._requests) > REMEMBERED:
            del self._requests[next(iter(self._requests))]
        yield f"request {request or '-'}, trace {trace_id.hex()}"
        yield from tree(spans)


def tree(spans: Sequence[Span]) -> Iterator[str]:
    """Write a line for each span, below its cause: when it began, how long it took."""
    known = {span.span_id for span in spans}
    began = min(span.start_time_unix_nano for span in spans)

    def below(parent: bytes | None, depth: int) -> Iterator[str]:
        for span in sorted(spans, key=lambda span: span.start_time_unix_nano):
            cause = span.parent_span_id if span.parent_span_id in known else None
            if cause == parent:
                yield _line(span, began, depth)
                yield from below(span.span_id, depth + 1)

    yield from below(None, 0)


def _line(span: Span, began: int, depth: int) -> str:
    start = (span.start_time_unix_nano - began) / 1e6
    took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
    words = _words(span)
    said = [words[name] for name in SHOWN if name in words]
    if span.status.code == Status.STATUS_CODE_ERROR:
        said.append("FAILED")
    name = "  " * depth + span.name
    return f"{start:8.1f} ms {took:8.1f} ms  {name:<44} {' '.join(said)}".rstrip()


def _words(span: Span) -> dict[str, str]:
    values = ((each.key, each.value) for each in span.attributes)
    return {key: value.string_value or str(value.int_value) for key, value in values}


class _Handler(BaseHTTPRequestHandler):
    server: Viewer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.server.take(scope.spans)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return None


def main(port: str) -> None:
    with Viewer(int(port)) as viewer:
        threading.Thread(target=viewer.show, daemon=True).start()
        print("traces are shown here, a second after they end", flush=True)
        viewer.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
