import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.platform.database import Database, UnitOfWork
from app.platform.tasks import Task, TaskRouter, Tick, clock
from app.platform.tasks.clock import Clock
from app.platform.tasks.models import LastTick

# No test runs into the next one.
INTERVAL = timedelta(days=3650)

tasks = TaskRouter("tower")


@tasks.every(INTERVAL)
async def strike(_: Tick, __: UnitOfWork, ___: object) -> None: ...


class Bell:
    """What clocks start; it may be stuck at first."""

    def __init__(self) -> None:
        self.struck: list[Tick] = []
        self.stuck_times = 0

    async def __call__(self, unit: UnitOfWork, _: Task, tick: Tick) -> None:
        if self.stuck_times:
            self.stuck_times -= 1
            raise RuntimeError("The bell is stuck.")
        unit.after_commit(self._hear, tick)

    async def _hear(self, tick: Tick) -> None:
        self.struck.append(tick)


@pytest.fixture
def bell() -> Bell:
    return Bell()


async def move(database: Database, by: timedelta) -> None:
    """Have the last tick been then."""
    async with database.unit_of_work() as unit:
        moved = update(LastTick).values(due_at=LastTick.due_at + by)
        await unit.session.execute(moved)


class TestStrike:
    async def test_leaves_a_new_task_to_its_next_tick(
        self, database: Database, bell: Bell
    ) -> None:
        for _ in range(2):
            await Clock(database, tasks, bell).strike()

        assert bell.struck == []

    async def test_starts_each_tick_once_however_many_clocks_there_are(
        self, database: Database, bell: Bell
    ) -> None:
        clocks = [Clock(database, tasks, bell) for _ in range(4)]
        await clocks[0].strike()

        for number in range(3):
            await move(database, -INTERVAL)
            await asyncio.gather(*(each.strike() for each in clocks))
            assert len(bell.struck) == number + 1

    async def test_makes_up_for_what_was_missed_once(
        self, database: Database, bell: Bell
    ) -> None:
        await Clock(database, tasks, bell).strike()
        await move(database, -5 * INTERVAL)

        # A clock that begins only now: a restart does not restart the interval.
        late = Clock(database, tasks, bell)
        for _ in range(3):
            await late.strike()

        async with database.read_session() as session:
            now = (await session.scalars(select(func.now()))).one()
        [(_, schedule)] = tasks.periodic()
        assert [tick.due_at for tick in bell.struck] == [schedule.due(now)]

    async def test_starts_nothing_again_when_the_interval_has_become_longer(
        self, database: Database, bell: Bell
    ) -> None:
        await Clock(database, tasks, bell).strike()
        await move(database, timedelta(seconds=1))

        await Clock(database, tasks, bell).strike()

        assert bell.struck == []

    async def test_does_not_wait_until_a_time_that_was_put_back_has_come_again(
        self, database: Database, bell: Bell
    ) -> None:
        await Clock(database, tasks, bell).strike()
        await move(database, 5 * INTERVAL)

        for _ in range(3):
            await Clock(database, tasks, bell).strike()

        assert len(bell.struck) == 1

    async def test_keeps_a_tick_that_could_not_be_started(
        self, database: Database, bell: Bell
    ) -> None:
        await Clock(database, tasks, bell).strike()
        await move(database, -INTERVAL)
        bell.stuck_times = 1

        with pytest.raises(RuntimeError):
            await Clock(database, tasks, bell).strike()
        await Clock(database, tasks, bell).strike()

        assert len(bell.struck) == 1


async def before(database: Database, hours: int) -> str:
    """The time of day so many hours ago: it comes again long after the test."""
    async with database.read_session() as session:
        now = (await session.scalars(select(func.now()))).one()
    return f"{now - timedelta(hours=hours):%H:%M}"


class TestTimeOfDay:
    async def test_starts_what_was_missed_once_and_nothing_new(
        self, database: Database, bell: Bell
    ) -> None:
        nightly = TaskRouter("tower")
        nightly.at(await before(database, 9), tz="UTC")(strike)
        await Clock(database, nightly, bell).strike()
        assert bell.struck == []

        # Nobody was there for some nights; each clock is a process that starts.
        await move(database, timedelta(days=-3))
        clocks = [Clock(database, nightly, bell) for _ in range(4)]
        await asyncio.gather(*(each.strike() for each in clocks))
        await Clock(database, nightly, bell).strike()

        [(_, schedule)] = nightly.periodic()
        async with database.read_session() as session:
            now = (await session.scalars(select(func.now()))).one()
        assert [tick.due_at for tick in bell.struck] == [schedule.due(now)]

    async def test_makes_up_for_a_time_it_was_put_to_that_has_passed(
        self, database: Database, bell: Bell
    ) -> None:
        nightly = TaskRouter("tower")
        for hours, times in ((9, 0), (7, 1), (8, 1)):
            nightly.at(await before(database, hours), tz="UTC")(strike)
            for _ in range(2):
                await Clock(database, nightly, bell).strike()
            assert len(bell.struck) == times


class TestRun:
    async def test_goes_on_after_a_failure(
        self, database: Database, bell: Bell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "PAUSE_SECONDS", 0.01)
        await Clock(database, tasks, bell).strike()
        await move(database, -INTERVAL)
        bell.stuck_times = 3

        running = asyncio.create_task(Clock(database, tasks, bell).run())
        async with asyncio.timeout(30):
            while not bell.struck:  # noqa: ASYNC110 - it is no single event
                await asyncio.sleep(0.01)
        running.cancel()

        assert len(bell.struck) == 1

    async def test_asks_nothing_when_nothing_is_periodic(
        self, database: Database, bell: Bell
    ) -> None:
        await Clock(database, TaskRouter(), bell).strike()

        assert "Connections in pool: 0" in database.pools[0].pool.status()
