from app.platform.outbox.models import QuarantinedMessage
from app.platform.outbox.quarantine import Quarantine
from tests.platform.outbox.station import Station


class TestDiscard:
    async def test_forgets_a_message(self, station: Station) -> None:
        message_id = await station.confine()

        async with station.database.unit_of_work() as unit:
            await Quarantine(unit.session).discard(message_id)

        assert await station.count(QuarantinedMessage) == 0
