import asyncio

from app.platform.errors import Unavailable
from app.platform.readiness import SLOW, Check, Readiness, ReadinessSettings

SETTINGS = ReadinessSettings(interval_seconds=0.01, failures=3, successes=2)


class Part:
    """A dependency that works until it is told not to."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.hangs = False

    async def probe(self) -> None:
        if self.hangs:
            await asyncio.sleep(60)
        if not self.works:
            raise Unavailable("It is being repaired.")


async def probe(readiness: Readiness, times: int) -> bool:
    for _ in range(times):
        await readiness.probe()
    return readiness.ready


class TestReadiness:
    async def test_begins_with_the_first_answer(self) -> None:
        readiness = Readiness(SETTINGS, [Check("database", Part().probe)])

        assert not readiness.ready
        assert await probe(readiness, 1)

    async def test_ends_only_after_failures_in_a_row(self) -> None:
        part = Part()
        readiness = Readiness(SETTINGS, [Check("database", part.probe)])
        await readiness.probe()

        part.works = False
        assert await probe(readiness, 2)
        part.works = True
        assert await probe(readiness, 1)
        part.works = False
        assert await probe(readiness, 2)

        assert not await probe(readiness, 1)
        assert readiness.dependencies[0].reason == "It is being repaired."

    async def test_bears_with_what_is_slow_for_everybody(self) -> None:
        part = Part()
        settings = SETTINGS.model_copy(
            update={"timeout_seconds": 0.01, "slow_failures": 4}
        )
        fleet = [Readiness(settings, [Check("database", part.probe)]) for _ in range(9)]
        await asyncio.gather(*(each.probe() for each in fleet))
        part.hangs = True

        left = []
        for _ in range(8):
            await asyncio.gather(*(each.probe() for each in fleet))
            left.append(sum(not each.ready for each in fleet))

        assert left[:3] == [0, 0, 0]
        assert left[-1] == len(fleet)
        assert any(0 < some < len(fleet) for some in left)

    async def test_returns_only_after_successes_in_a_row(self) -> None:
        part = Part(works=False)
        readiness = Readiness(SETTINGS, [Check("database", part.probe)])
        await readiness.probe()

        part.works = True

        assert not await probe(readiness, 1)
        assert await probe(readiness, 1)

    async def test_does_not_need_what_is_optional(self) -> None:
        part = Part(works=False)
        check = Check("cache", part.probe, required=False)
        readiness = Readiness(SETTINGS, [check])

        assert await probe(readiness, 3)
        assert readiness.dependencies[0].reason is not None

    async def test_does_not_wait_for_what_hangs(self) -> None:
        settings = ReadinessSettings(timeout_seconds=0.01)
        hanging = Check("database", asyncio.Event().wait)

        readiness = Readiness(settings, [hanging])

        assert not await probe(readiness, 1)
        assert readiness.dependencies[0].reason == SLOW

    async def test_keeps_asking_until_it_stops(self) -> None:
        part = Part(works=False)
        checks = [Check("database", part.probe)]

        async with asyncio.timeout(5), Readiness.open(SETTINGS, checks) as readiness:
            part.works = True
            while not readiness.ready:  # noqa: ASYNC110 - nothing to wait for
                await asyncio.sleep(0.01)

        assert readiness.stopping
        assert not readiness.ready
