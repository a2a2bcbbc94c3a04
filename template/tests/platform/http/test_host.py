"""One third party among others."""

import asyncio

from app.platform.http import BreakerState, HttpClient, NoConnection
from tests.fixtures.third_party import Stub, answer, hang
from tests.platform.http.conftest import hasty


class TestConnections:
    async def test_of_a_host_that_hangs_are_not_taken_from_the_others(
        self, stub: Stub
    ) -> None:
        stub.behaviour = hang
        settings = hasty(max_connections=4, max_connections_per_host=3)

        async with HttpClient.open(settings) as client, Stub.open() as other:
            stuck = [
                asyncio.create_task(client.get(stub.url, deadline_seconds=0.3))
                for _ in range(6)
            ]
            await asyncio.sleep(0.02)

            assert (await client.get(other.url)).status == 200

            results = await asyncio.gather(*stuck, return_exceptions=True)
        assert [type(r) for r in results].count(NoConnection) == 3
        assert len(stub.received) == 3

    async def test_that_run_out_are_nobodys_failure(self, stub: Stub) -> None:
        stub.behaviour = answer(delay_seconds=0.1)
        settings = hasty(max_connections=1, breaker_failures=1)

        async with HttpClient.open(settings) as client:
            results = await asyncio.gather(
                *(client.get(stub.url) for _ in range(3)), return_exceptions=True
            )

            assert [type(r) for r in results].count(NoConnection) == 2
            assert client.breakers() == {stub.host: BreakerState.CLOSED}
