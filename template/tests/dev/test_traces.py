"""Spans are shown as trees, whenever they come."""

import io
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
)

from dev.process import free_port
from dev.traces import REQUEST_ID, Viewer, tree

MS = 1_000_000
REQUEST = Span(
    trace_id=b"t" * 16,
    span_id=b"a",
    name="POST /v1/notes",
    start_time_unix_nano=5 * MS,
    end_time_unix_nano=25 * MS,
    attributes=[KeyValue(key=REQUEST_ID, value=AnyValue(string_value="r-1"))],
)


def step(id_: bytes, name: str, began: int, *, cause: bytes = b"a") -> Span:
    return Span(
        trace_id=b"t" * 16,
        span_id=id_,
        parent_span_id=cause,
        name=name,
        start_time_unix_nano=began * MS,
        end_time_unix_nano=24 * MS,
    )


@contextmanager
def viewing() -> Iterator[tuple[Viewer, str]]:
    port = free_port()
    with Viewer(port) as viewer:
        for work in (viewer.serve_forever, viewer.show):
            threading.Thread(target=work, daemon=True).start()
        yield viewer, f"http://127.0.0.1:{port}/v1/traces"
        viewer.shutdown()


class TestTree:
    def test_has_each_step_below_its_cause_in_the_order_of_time(self) -> None:
        late, early = step(b"c", "INSERT notes", 15), step(b"b", "SELECT folders", 7)
        within = step(b"d", "INSERT words", 16, cause=b"c")

        lines = list(tree([within, late, REQUEST, early]))

        assert [line.split(" ms  ")[-1] for line in lines] == [
            "POST /v1/notes",
            "  SELECT folders",
            "  INSERT notes",
            "    INSERT words",
        ]
        assert lines[0].startswith("     0.0 ms     20.0 ms")
        assert lines[1].startswith("     2.0 ms")

    def test_says_what_failed(self) -> None:
        failed = step(b"b", "GET", 7)
        failed.status.code = Status.STATUS_CODE_ERROR

        assert next(tree([failed])).endswith("FAILED")


class TestViewer:
    def test_shows_what_comes_later_with_the_request_that_began_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # What pytest captures is emptied as it is read, and may lose a line then.
        output = io.StringIO()
        monkeypatch.setattr(sys, "stdout", output)

        with viewing() as (_, url):
            for span in (REQUEST, step(b"b", "process send", 20)):
                scope = ScopeSpans(spans=[span])
                sent = ExportTraceServiceRequest(
                    resource_spans=[ResourceSpans(scope_spans=[scope])]
                )
                httpx.post(url, content=sent.SerializeToString())
                while span.name not in output.getvalue():
                    time.sleep(0.01)

        assert output.getvalue().count(f"request r-1, trace {(b't' * 16).hex()}\n") == 2
