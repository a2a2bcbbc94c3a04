from uuid_utils.compat import uuid7

from app.platform.outbox.models import OutboxMessage, QuarantinedMessage
from app.platform.outbox.quarantine import Quarantine, Selection
from tests.platform.outbox.station import Posted, Station


class TestRelease:
    async def test_finds_no_id_that_it_does_not_hold(self, station: Station) -> None:
        async with station.database.unit_of_work() as unit:
            quarantine = Quarantine(unit.session)
            released = await quarantine.release(Selection(id=uuid7()), limit=1)

        assert released == 0

    async def test_gives_a_message_all_its_time_again(self, station: Station) -> None:
        message_id = await station.confine(Posted(fails=1))

        async with station.database.unit_of_work() as unit:
            quarantine = Quarantine(unit.session)
            [confined] = await quarantine.list_of(Selection(), limit=10)
            await quarantine.release(Selection(id=confined.id), limit=1)
        released = await station.get(OutboxMessage, message_id)
        await station.worker().handle(message_id)

        assert released.attempts == 0
        assert released.first_attempt_at is None
        assert station.delivered == 2
        assert await station.count(QuarantinedMessage) == 0
