from app.platform.outbox.models import QuarantinedMessage
from app.platform.outbox.quarantine import Quarantine, Selection
from tests.platform.outbox.station import Station


class TestDiscard:
    async def test_forgets_a_message(self, station: Station) -> None:
        message_id = await station.confine()

        async with station.database.unit_of_work() as unit:
            await Quarantine(unit.session).discard(Selection(id=message_id), limit=1)

        assert await station.count(QuarantinedMessage) == 0
