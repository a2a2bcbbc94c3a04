import pytest

from app.platform.http import (
    HttpClient,
    ThirdPartyErred,
    ThirdPartyTimedOut,
    ThirdPartyUnreachable,
)
from app.platform.http.telemetry import MAX_HOSTS
from app.platform.telemetry.metrics import OTHER
from tests.fixtures.metrics import Seen
from tests.fixtures.third_party import Stub, answer, hang
from tests.platform.http.conftest import hasty

COUNT = "http_client_request_duration_seconds_count"


def counted(seen: Seen, host: str, status: str, error_type: str = "") -> float | None:
    return seen.value(
        COUNT,
        server_address=host,
        http_response_status_code=status,
        error_type=error_type,
    )


class TestAttempts:
    async def test_are_counted_by_host_and_outcome(
        self, seen: Seen, client: HttpClient, stub: Stub
    ) -> None:
        seen.watch(client)
        stub.script = [answer(503), answer(200), answer(500), hang]

        await client.get(stub.url)
        with pytest.raises(ThirdPartyErred):
            await client.post(stub.url)
        with pytest.raises(ThirdPartyTimedOut):
            await client.post(stub.url, deadline_seconds=0.05)

        assert counted(seen, stub.host, "503") == 1
        assert counted(seen, stub.host, "200") == 1
        assert counted(seen, stub.host, "500") == 1
        assert counted(seen, stub.host, "", "ThirdPartyTimedOut") == 1

    async def test_of_too_many_hosts_share_a_series(
        self, seen: Seen, stub: Stub
    ) -> None:
        port = stub.host.rpartition(":")[2]
        async with HttpClient.open(hasty()) as client:
            seen.watch(client)
            for number in range(MAX_HOSTS + 3):
                with pytest.raises(ThirdPartyUnreachable):
                    await client.post(f"http://127.0.0.{number + 2}:{port}")

        assert counted(seen, OTHER, "", "ThirdPartyUnreachable") == 3


class TestBreaker:
    async def test_shows_its_state_and_how_it_came_there(
        self, seen: Seen, client: HttpClient, stub: Stub
    ) -> None:
        seen.watch(client)
        stub.behaviour = answer(500)

        for _ in range(5):
            with pytest.raises(ThirdPartyErred):
                await client.post(stub.url)

        here = {"server_address": stub.host}
        assert seen.value("circuit_breaker_state", state="open", **here) == 1
        assert seen.value("circuit_breaker_state", state="closed", **here) == 0
        moves = "circuit_breaker_transitions_total"
        assert seen.value(moves, state="open", **here) == 1
        assert seen.value(moves, state="half_open", **here) == 0
