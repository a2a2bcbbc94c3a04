from app.platform.observability.context import TraceContext


class TestChild:
    def test_keeps_the_trace_and_begins_a_step(self) -> None:
        parent = TraceContext.new()

        child = parent.child()

        assert child.trace_id == parent.trace_id
        assert child.span_id != parent.span_id
