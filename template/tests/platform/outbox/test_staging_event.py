import pytest

from app.platform.observability import context
from app.platform.observability.context import SERVICE, Principal
from app.platform.outbox.models import OutboxMessage
from tests.platform.outbox.station import Posted, Station


class TestStage:
    async def test_leaves_nothing_when_the_unit_fails(self, station: Station) -> None:
        with pytest.raises(RuntimeError):
            async with station.database.unit_of_work() as unit:
                unit.record(Posted())
                raise RuntimeError

        assert await station.count(OutboxMessage) == 0

    async def test_leaves_a_message_with_the_request_it_is_for(
        self, station: Station
    ) -> None:
        with context.resume({}) as request_id:
            message_id = await station.post(Posted(fails=1))

        message = await station.get(OutboxMessage, message_id)
        assert message.name == "post.deliver"
        assert message.payload == {"fails": 1, "seconds": 0}
        assert message.headers["x-request-id"] == request_id

    async def test_leaves_a_message_with_who_asks(self, station: Station) -> None:
        caller = Principal("user-1", tenant="acme")
        with context.resume({}):
            context.identify(caller)
            message_id = await station.post(Posted())

        await station.worker().handle(message_id)

        assert station.asked == [caller]
        assert context.caller() == SERVICE
