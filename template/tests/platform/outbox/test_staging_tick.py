from datetime import timedelta

from app.platform.outbox.models import OutboxMessage
from app.platform.outbox.staging import stage_tick
from tests.platform.outbox.station import Station, tasks


class TestStageTick:
    async def test_leaves_one_message_however_many_clocks_strike(
        self, station: Station
    ) -> None:
        [(task, _)] = tasks.periodic()

        for _ in range(3):
            async with station.database.unit_of_work() as unit:
                await stage_tick(unit, task, timedelta(days=3650))

        assert await station.count(OutboxMessage) == 1
