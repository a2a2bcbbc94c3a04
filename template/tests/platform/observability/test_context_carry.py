from app.platform.observability import context

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class TestCarry:
    def test_is_empty_outside_a_request(self) -> None:
        assert context.carry() == {}
        assert context.outgoing_headers() == {}

    def test_takes_request_and_trace_elsewhere(self) -> None:
        with context.resume({}) as request_id:
            carried, trace_id = context.carry(), context.trace_id()

        with context.resume(carried):
            assert context.request_id() == request_id
            assert context.trace_id() == trace_id


class TestOutgoingHeaders:
    def test_name_the_request_and_a_new_step_of_the_trace(self) -> None:
        with context.resume({"traceparent": TRACEPARENT}) as request_id:
            headers = context.outgoing_headers()

            assert headers["x-request-id"] == request_id
            assert headers["traceparent"].startswith(TRACEPARENT[:35])
            assert headers["traceparent"] != context.carry()["traceparent"]
