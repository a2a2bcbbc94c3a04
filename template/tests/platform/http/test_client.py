"""Calls to a real server that is slow, or greedy for what it must not get."""

import logging
import time

import pytest

from app.platform.errors import Unavailable
from app.platform.http import (
    HttpClient,
    HttpUnavailable,
    ThirdPartyTimedOut,
)
from tests.fixtures.third_party import Behaviour, Stub, answer, drip, hang
from tests.platform.http.conftest import hasty


class TestDeadline:
    @pytest.mark.parametrize("behaviour", [hang, drip])
    async def test_holds_when_the_answer_is_slow(
        self, client: HttpClient, stub: Stub, behaviour: Behaviour
    ) -> None:
        stub.behaviour = behaviour
        start = time.monotonic()

        with pytest.raises(ThirdPartyTimedOut):
            await client.get(stub.url, deadline_seconds=0.2)

        assert 0.2 <= time.monotonic() - start < 40

    async def test_holds_over_all_attempts(self, stub: Stub) -> None:
        stub.behaviour = answer(503, delay_seconds=0.08)
        settings = hasty(attempts=50, breaker_failures=50, retry_floor=50)
        start = time.monotonic()

        async with HttpClient.open(settings) as client:
            with pytest.raises(HttpUnavailable):
                await client.get(stub.url, deadline_seconds=0.5)

        # All of them would take four seconds, without what is between them.
        assert time.monotonic() - start < 4
        assert len(stub.received) >= 2

    async def test_may_be_set_for_one_call(self, stub: Stub) -> None:
        stub.behaviour = hang
        start = time.monotonic()

        async with HttpClient.open(hasty(deadline_seconds=50)) as client:
            with pytest.raises(ThirdPartyTimedOut):
                await client.post(stub.url, deadline_seconds=0.05)

        assert time.monotonic() - start < 40

    async def test_leaves_the_pool_usable(self, stub: Stub) -> None:
        stub.behaviour = hang
        settings = hasty(max_connections=2, breaker_failures=50, attempts=1)

        async with HttpClient.open(settings) as client:
            for _ in range(5):
                with pytest.raises(ThirdPartyTimedOut):
                    await client.get(stub.url, deadline_seconds=0.02)
            stub.behaviour = answer()

            assert (await client.get(stub.url)).status == 200


class TestRequest:
    async def test_ignores_the_proxies_of_the_environment(
        self, stub: Stub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

        async with HttpClient.open(hasty()) as client:
            assert (await client.get(stub.url)).status == 200

    async def test_carries_the_context_and_its_own_headers(self, stub: Stub) -> None:
        context = {"traceparent": "00-1-2-01", "X-Request-ID": "r1"}

        async with HttpClient.open(hasty(), headers=lambda: context) as client:
            await client.get(stub.url, headers={"x-request-id": "mine"})

        sent = stub.received[0].headers
        assert sent["traceparent"] == "00-1-2-01"
        assert sent["x-request-id"] == "mine"

    async def test_leaves_no_secret_in_errors_or_logs(
        self, client: HttpClient, stub: Stub, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        stub.script = [answer()]
        stub.behaviour = answer(500, b"s3cret")
        await client.get(stub.url, params={"key": "s3cret"})

        with pytest.raises(Unavailable) as error:
            await client.get(stub.url, params={"key": "s3cret"})

        assert str(error.value) == f"{stub.host} answered 500"
        assert error.value.context == {"host": stub.host}
        assert "s3cret" not in caplog.text
