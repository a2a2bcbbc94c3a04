"""Calls that are repeated, and those that must not be."""

import asyncio
import time

import pytest

from app.platform.http import BreakerState, HttpClient, ThirdPartyErred
from tests.fixtures.third_party import Behaviour, Stub, answer, drop
from tests.platform.http.conftest import hasty


class TestRetry:
    @pytest.mark.parametrize("behaviour", [answer(503), answer(429), drop])
    async def test_is_refused_to_a_post(
        self, client: HttpClient, stub: Stub, behaviour: Behaviour
    ) -> None:
        stub.script = [behaviour]

        await asyncio.gather(client.post(stub.url), return_exceptions=True)

        assert len(stub.received) == 1

    async def test_is_refused_after_a_plain_500(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = answer(500)

        with pytest.raises(ThirdPartyErred):
            await client.get(stub.url)

        assert len(stub.received) == 1

    async def test_is_refused_when_asked_to_wait_past_the_deadline(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = answer(503, Retry_After="40")
        start = time.monotonic()

        with pytest.raises(ThirdPartyErred) as error:
            await client.get(stub.url)

        assert error.value.retry_after_seconds == 40
        assert len(stub.received) == 1
        assert time.monotonic() - start < 30

    @pytest.mark.parametrize("behaviour", [answer(502), answer(504), answer(429), drop])
    async def test_finds_the_third_party_well_again(
        self, client: HttpClient, stub: Stub, behaviour: Behaviour
    ) -> None:
        stub.script = [behaviour]

        response = await client.get(stub.url)

        assert (response.status, len(stub.received)) == (200, 2)

    async def test_repeats_a_post_with_a_key(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.script = [answer(503)]

        response = await client.post(
            stub.url, headers={"Idempotency-Key": "k1"}, json={"n": 1}
        )

        assert response.status == 200
        assert [r.headers["idempotency-key"] for r in stub.received] == ["k1", "k1"]
        assert [r.headers["content-length"] for r in stub.received] == ["7", "7"]

    async def test_waits_as_long_as_it_is_asked_to(self, stub: Stub) -> None:
        stub.script = [answer(429, Retry_After="1")]
        start = time.monotonic()

        async with HttpClient.open(hasty(deadline_seconds=30)) as client:
            response = await client.get(stub.url)

        assert response.status == 200
        assert time.monotonic() - start >= 1

    async def test_returns_a_429_that_lasts(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = answer(429)

        response = await client.get(stub.url)

        assert (response.status, len(stub.received)) == (429, 3)
        assert client.breakers() == {stub.host: BreakerState.CLOSED}

    async def test_keeps_within_its_budget_in_an_outage(self, stub: Stub) -> None:
        stub.behaviour = answer(503)
        # On a busy machine a call must not give up before it was answered.
        settings = hasty(
            breaker_failures=10_000, deadline_seconds=30, connection_wait_seconds=20
        )

        async with HttpClient.open(settings) as client:
            for _ in range(5):
                calls = (client.get(stub.url) for _ in range(20))
                await asyncio.gather(*calls, return_exceptions=True)

        assert 100 < len(stub.received) <= 100 * 1.1 + 5 + 1
