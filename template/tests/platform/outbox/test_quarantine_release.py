import pytest
from uuid_utils.compat import uuid7

from app.platform.errors import NotFound
from app.platform.outbox.models import OutboxMessage, QuarantinedMessage
from app.platform.outbox.quarantine import Quarantine
from tests.platform.outbox.station import Posted, Station


class TestRelease:
    async def test_refuses_an_id_it_does_not_hold(self, station: Station) -> None:
        with pytest.raises(NotFound):
            async with station.database.unit_of_work() as unit:
                await Quarantine(unit.session).release(uuid7())

    async def test_gives_a_message_all_its_time_again(self, station: Station) -> None:
        message_id = await station.confine(Posted(fails=1))

        async with station.database.unit_of_work() as unit:
            quarantine = Quarantine(unit.session)
            [confined] = await quarantine.list_of(limit=10)
            await quarantine.release(confined.id)
        released = await station.get(OutboxMessage, message_id)
        await station.worker().handle(message_id)

        assert released.attempts == 0
        assert released.first_attempt_at is None
        assert station.delivered == 2
        assert await station.count(QuarantinedMessage) == 0
