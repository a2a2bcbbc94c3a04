from app.platform.observability import context

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class TestResume:
    def test_makes_up_what_is_malformed(self) -> None:
        carried = {"x-request-id": "a b\n", "traceparent": "nonsense"}

        with context.resume(carried) as request_id:
            assert request_id != carried["x-request-id"]
            assert context.trace_id() is not None

    def test_continues_what_the_caller_describes(self) -> None:
        carried = {"x-request-id": "request-0001", "traceparent": TRACEPARENT}

        with context.resume(carried):
            assert context.request_id() == "request-0001"
            assert context.trace_id() == "4bf92f3577b34da6a3ce929d0e0e4736"

    def test_leaves_nothing_behind(self) -> None:
        with context.resume({}):
            pass

        assert context.request_id() is None
        assert context.trace_id() is None
