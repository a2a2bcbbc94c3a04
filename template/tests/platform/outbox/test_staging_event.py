import pytest

from app.platform.observability import context
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
        assert message.task == "post.deliver"
        assert message.payload == {"fails": 1, "seconds": 0}
        assert message.context["x-request-id"] == request_id
