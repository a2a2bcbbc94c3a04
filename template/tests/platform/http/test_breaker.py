"""The breaker: alone on a clock that the test turns, then before a real server."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from app.platform.http import (
    BreakerState,
    CircuitOpen,
    HttpClient,
    HttpUnavailable,
    ThirdPartyErred,
    ThirdPartyUnreachable,
)
from app.platform.http.breaker import Breaker
from dev.process import free_port
from tests.fixtures.third_party import Behaviour, Stub, answer, drop, hang
from tests.platform.http.conftest import hasty


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("bank", failures=2, open_seconds=10, clock=clock)


def fail(breaker: Breaker) -> None:
    with pytest.raises(ThirdPartyErred), breaker.guard():
        raise ThirdPartyErred("bank", 500)


class TestOpen:
    def test_says_when_to_come_back(self, breaker: Breaker, clock: Clock) -> None:
        fail(breaker)
        fail(breaker)
        clock.now = 3

        with pytest.raises(CircuitOpen) as refusal, breaker.guard():
            pass

        assert refusal.value.retry_after_seconds == 7

    def test_needs_failures_in_a_row(self, breaker: Breaker) -> None:
        fail(breaker)
        with breaker.guard():
            pass

        fail(breaker)

        assert breaker.state is BreakerState.CLOSED

    def test_is_not_closed_by_a_call_that_began_before(self, breaker: Breaker) -> None:
        with breaker.guard():
            fail(breaker)
            fail(breaker)

        assert breaker.state is BreakerState.OPEN


class TestProbe:
    @pytest.fixture(autouse=True)
    def due(self, breaker: Breaker, clock: Clock) -> None:
        fail(breaker)
        fail(breaker)
        clock.now = 10

    def test_opens_again_when_it_fails(self, breaker: Breaker) -> None:
        fail(breaker)

        with pytest.raises(CircuitOpen):
            breaker.refuse_if_open()

    def test_leaves_its_place_to_another_when_it_gives_up(
        self, breaker: Breaker
    ) -> None:
        with pytest.raises(KeyboardInterrupt), breaker.guard():
            raise KeyboardInterrupt

        with breaker.guard():
            during = breaker.state

        assert [during, breaker.state] == [BreakerState.HALF_OPEN, BreakerState.CLOSED]

    def test_is_logged_with_each_change(self, breaker: Breaker) -> None:
        with capture_logs() as logs, breaker.guard():
            pass

        assert [(line["event"], line["state"]) for line in logs] == [
            ("http.breaker", BreakerState.HALF_OPEN),
            ("http.breaker", BreakerState.CLOSED),
        ]


class TestClient:
    async def test_fails_fast_once_open(self, client: HttpClient, stub: Stub) -> None:
        stub.behaviour = answer(500)
        await _fail(client, stub, times=5)
        start = time.process_time()

        for _ in range(20):
            with pytest.raises(CircuitOpen) as refusal:
                await client.get(stub.url)

        assert (time.process_time() - start) / 20 < 0.005
        assert refusal.value.retry_after_seconds == 1
        assert len(stub.received) == 5
        assert client.breakers() == {stub.host: BreakerState.OPEN}

    @pytest.mark.parametrize("behaviour", [hang, drop])
    async def test_opens_for_silence_and_for_lost_connections(
        self, stub: Stub, behaviour: Behaviour
    ) -> None:
        stub.behaviour = behaviour

        async with HttpClient.open(hasty(attempts=1, deadline_seconds=0.02)) as client:
            await _fail(client, stub, times=5)

            assert client.breakers() == {stub.host: BreakerState.OPEN}

    async def test_opens_for_a_closed_port(self, client: HttpClient) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        refusals = []

        for _ in range(3):
            with pytest.raises(HttpUnavailable) as refusal:
                await client.get(url)
            refusals.append(type(refusal.value))

        assert refusals == [ThirdPartyUnreachable, ThirdPartyUnreachable, CircuitOpen]

    async def test_stays_closed_when_callers_give_up(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = hang

        for _ in range(6):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.get(stub.url), 0.01)

        assert client.breakers() == {stub.host: BreakerState.CLOSED}

    async def test_lets_one_probe_through_and_closes(
        self, client: HttpClient, stub: Stub
    ) -> None:
        stub.behaviour = answer(500)
        await _fail(client, stub, times=5)
        stub.behaviour = answer(delay_seconds=0.05)
        await asyncio.sleep(0.11)

        results = await asyncio.gather(
            *(client.get(stub.url) for _ in range(20)), return_exceptions=True
        )

        assert sum(isinstance(result, CircuitOpen) for result in results) == 19
        assert len(stub.received) == 5 + 1
        assert client.breakers() == {stub.host: BreakerState.CLOSED}

    async def test_judges_each_host_alone(self, client: HttpClient, stub: Stub) -> None:
        stub.behaviour = answer(500)
        await _fail(client, stub, times=5)

        async with Stub.open() as other:
            assert (await client.get(other.url)).status == 200


async def _fail(client: HttpClient, stub: Stub, *, times: int) -> None:
    for _ in range(times):
        with pytest.raises(HttpUnavailable):
            await client.get(stub.url)
