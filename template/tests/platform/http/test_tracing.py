import pytest

from app.platform.http import HttpClient, ThirdPartyErred
from tests.fixtures.metrics import Seen
from tests.fixtures.third_party import Stub, answer


class TestAttempt:
    async def test_is_a_step_that_the_third_party_is_told(
        self, seen: Seen, traced: str, client: HttpClient, stub: Stub
    ) -> None:
        seen.watch(client)
        stub.script = [answer(503)]

        await client.get(
            stub.url + "/hunter2?token=hunter2", headers={"authorization": "hunter2"}
        )

        first, second = seen.spans()
        told = [each.headers["traceparent"] for each in stub.received]
        for span, traceparent in zip((first, second), told, strict=True):
            assert span.context is not None
            assert traceparent.split("-")[2] == f"{span.context.span_id:016x}"
        assert second.attributes == {
            "http.request.method": "GET",
            "server.address": "127.0.0.1",
            "http.response.status_code": 200,
        }
        assert "hunter2" not in seen.text()

    async def test_that_fails_says_how(
        self, seen: Seen, traced: str, client: HttpClient, stub: Stub
    ) -> None:
        seen.watch(client)
        stub.behaviour = answer(500, b"hunter2")

        with pytest.raises(ThirdPartyErred):
            await client.post(stub.url, json={"card": "hunter2"})

        attributes = seen.attributes("POST")
        assert attributes["error.type"] == "ThirdPartyErred"
        assert attributes["http.response.status_code"] == 500
        assert "hunter2" not in seen.text()
