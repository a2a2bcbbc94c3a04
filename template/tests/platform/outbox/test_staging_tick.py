import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.platform.database import UnitOfWork
from app.platform.outbox.models import OutboxMessage
from app.platform.outbox.outbox import stage_tick
from app.platform.tasks.clock import Clock
from app.platform.tasks.models import LastTick
from app.platform.tasks.router import Task, Tick
from tests.platform.outbox.station import Station, tasks


async def miss_a_tick(station: Station) -> None:
    await Clock(station.database, tasks, stage_tick).strike()
    async with station.database.unit_of_work() as unit:
        missed = LastTick.due_at - timedelta(days=1)
        await unit.session.execute(update(LastTick).values(due_at=missed))


class TestStageTick:
    async def test_leaves_one_message_however_many_clocks_strike(
        self, station: Station
    ) -> None:
        await miss_a_tick(station)
        clocks = [Clock(station.database, tasks, stage_tick) for _ in range(3)]

        await asyncio.gather(*(clock.strike() for clock in clocks))

        assert await station.count(OutboxMessage) == 1

    async def test_leaves_it_together_with_the_note_of_it(
        self, station: Station
    ) -> None:
        async def die(unit: UnitOfWork, task: Task, tick: Tick) -> None:
            await stage_tick(unit, task, tick)
            raise KeyboardInterrupt

        await miss_a_tick(station)
        with pytest.raises(KeyboardInterrupt):
            await Clock(station.database, tasks, die).strike()
        assert await station.count(OutboxMessage) == 0

        await Clock(station.database, tasks, stage_tick).strike()

        assert await station.count(OutboxMessage) == 1
