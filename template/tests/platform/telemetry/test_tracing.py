import pytest
from opentelemetry.trace import StatusCode

from app.platform.observability import context
from app.platform.observability.context import TraceContext
from app.platform.telemetry.tracing import Tracing
from tests.fixtures.metrics import Seen

UNSAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


class TestSpan:
    def test_is_none_when_there_is_nothing_to_be_a_step_of(self, seen: Seen) -> None:
        with seen.telemetry.span("work") as span:
            assert span is None

    def test_is_none_when_the_caller_is_not_sampled(self, seen: Seen) -> None:
        caller = context.resume({"traceparent": UNSAMPLED})
        with caller, seen.telemetry.span("work") as span:
            assert span is None
            assert context.carry()["traceparent"] == UNSAMPLED

    def test_is_a_child_of_the_callers_step(self, seen: Seen, traced: str) -> None:
        with seen.telemetry.span("work", of="art"):
            inner = context.carry()["traceparent"]

        [span] = seen.spans()
        assert span.parent is not None
        assert span.context is not None
        assert f"{span.parent.span_id:016x}" == traced.split("-")[2]
        assert f"{span.context.trace_id:032x}" == context.trace_id()
        assert f"{span.context.span_id:016x}" == inner.split("-")[2]
        assert span.attributes == {"of": "art"}

    def test_begins_a_trace_with_the_id_of_the_log_lines(self, seen: Seen) -> None:
        with context.resume({}), seen.telemetry.span("work"):
            trace_id = context.trace_id()
            carried = context.carry()["traceparent"]

        [span] = seen.spans()
        assert span.parent is None
        assert span.context is not None
        assert f"{span.context.trace_id:032x}" == trace_id
        assert carried.endswith("-01")

    def test_tells_the_kind_of_an_error_and_not_its_words(
        self, seen: Seen, traced: str
    ) -> None:
        with pytest.raises(ValueError), seen.telemetry.span("work"):  # noqa: PT011
            raise ValueError("hunter2")

        [span] = seen.spans()
        assert span.attributes == {"error.type": "ValueError"}
        assert span.status.status_code is StatusCode.ERROR
        assert "hunter2" not in span.to_json()


class TestSampling:
    @pytest.mark.parametrize(("ratio", "expected"), [(0, 0), (0.25, 250), (1, 1000)])
    def test_records_such_a_share(
        self, seen: Seen, ratio: float, expected: int
    ) -> None:
        tracing = Tracing(seen.tracer, sample_ratio=ratio)

        for _ in range(1000):
            with context.entered(TraceContext.new()), tracing.span("work"):
                pass

        assert len(seen.spans()) == pytest.approx(expected, abs=80)

    def test_decides_the_same_everywhere(self, seen: Seen) -> None:
        tracing = Tracing(seen.tracer, sample_ratio=0.5)

        with context.resume({}):
            for _ in range(20):
                with tracing.span("work"):
                    pass

        assert len(seen.spans()) in {0, 20}
