import pytest
from opentelemetry.trace import SpanKind
from websockets.asyncio.client import connect

from tests.fixtures.metrics import PARENT, Seen
from tests.platform.web.live import Served
from tests.platform.web.metrics_client import Telling, until


class TestRequest:
    async def test_is_a_step_named_by_its_route(self, telling: Telling) -> None:
        seen, client = telling

        headers = {"traceparent": PARENT, "X-Request-ID": "request-0007"}
        await client.get("/v1/things/7?token=hunter2", headers=headers)

        [span] = seen.spans()
        assert span.name == "GET /v1/things/{thing_id}"
        assert span.kind is SpanKind.SERVER
        assert span.context is not None
        assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
        assert span.attributes == {
            "app.request_id": "request-0007",
            "http.request.method": "GET",
            "http.route": "/v1/things/{thing_id}",
            "http.response.status_code": 200,
        }

    async def test_has_no_path_if_it_has_no_route(self, telling: Telling) -> None:
        seen, client = telling

        await client.get("/hunter2")

        assert seen.names() == ["GET"]
        assert "hunter2" not in seen.text()

    async def test_that_fails_is_an_error_without_words(self, telling: Telling) -> None:
        seen, client = telling

        await client.get("/v1/errors/unexpected")

        [span] = seen.spans()
        assert span.attributes is not None
        assert span.attributes["error.type"] == "500"
        assert span.events == ()

    async def test_of_a_probe_is_none(self, telling: Telling) -> None:
        seen, client = telling

        await client.get("/livez")

        assert seen.spans() == []


class TestWebSocket:
    @pytest.mark.parametrize(
        ("text", "code", "error"), [("refuse", 1008, None), ("fail", 1011, "1011")]
    )
    async def test_is_a_step_until_it_is_closed(
        self, seen: Seen, talking: Served, text: str, code: int, error: str | None
    ) -> None:
        url = talking.url("/v1/live/chats/1?token=hunter2")
        async with connect(url, additional_headers={"traceparent": PARENT}) as socket:
            before = seen.spans()
            await socket.send(text)
            await socket.wait_closed()
            await until(lambda: bool(seen.spans()))

        assert before == []
        told = seen.attributes("GET /v1/live/chats/{room_id}")
        assert told["http.response.status_code"] == 101
        assert told["websocket.close.code"] == code
        assert told.get("error.type") == error
        assert "hunter2" not in seen.text()
