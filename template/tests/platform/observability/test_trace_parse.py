import pytest

from app.platform.observability.context import TraceContext

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class TestParse:
    @pytest.mark.parametrize(
        "header",
        [
            "",
            "nonsense",
            f"00-{TRACE_ID}-{SPAN_ID}",
            f"00-{'0' * 32}-{SPAN_ID}-01",
            f"00-{TRACE_ID}-{'0' * 16}-01",
            f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
            f"00-{TRACE_ID}-{SPAN_ID}-01-more",
            f"ff-{TRACE_ID}-{SPAN_ID}-01",
            f"00-{TRACE_ID}-{SPAN_ID}-01\n",
        ],
    )
    def test_refuses_what_the_standard_calls_invalid(self, header: str) -> None:
        assert TraceContext.parse(header) is None

    def test_reads_its_own_header(self) -> None:
        trace = TraceContext(TRACE_ID, SPAN_ID, sampled=True)

        assert trace.traceparent == f"00-{TRACE_ID}-{SPAN_ID}-01"
        assert TraceContext.parse(trace.traceparent) == trace

    def test_reads_a_later_version_with_more_fields(self) -> None:
        trace = TraceContext.parse(f"01-{TRACE_ID}-{SPAN_ID}-00-more")

        assert trace == TraceContext(TRACE_ID, SPAN_ID, sampled=False)
