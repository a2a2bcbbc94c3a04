import asyncio
from time import monotonic

from app.platform.cache.cache import Answer, Flights


class TestShare:
    async def test_an_answer_that_may_be_older_than_the_call_is_not_shared(
        self,
    ) -> None:
        flights, landing = Flights(), asyncio.Event()

        async def outdated() -> Answer[str]:
            began = monotonic()
            await landing.wait()
            return Answer("outdated", as_of=began)

        async def current() -> Answer[str]:
            return Answer("current", as_of=monotonic())

        first = asyncio.create_task(flights.share("key", outdated))
        await asyncio.sleep(0)
        second = asyncio.create_task(flights.share("key", current))
        await asyncio.sleep(0)
        landing.set()

        assert await first == "outdated"
        assert await second == "current"

    async def test_an_answer_that_proved_current_is_shared(self) -> None:
        flights, calls = Flights(), 0

        async def proven() -> Answer[int]:
            nonlocal calls
            calls += 1
            await asyncio.sleep(0.01)
            return Answer(calls, as_of=monotonic())

        answers = await asyncio.gather(
            *(flights.share("key", proven) for _ in range(20))
        )

        assert answers == [1] * 20

    async def test_keys_fly_apart(self) -> None:
        flights = Flights()

        async def nested() -> Answer[int]:
            inner = await flights.share("b", one)
            return Answer(inner + 1, as_of=monotonic())

        async def one() -> Answer[int]:
            return Answer(1, as_of=monotonic())

        assert await flights.share("a", nested) == 2
