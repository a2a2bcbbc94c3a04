from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from sqlalchemy import update

from app.platform.outbox.models import InboxMessage
from app.platform.outbox.outbox import OutboxSettings
from app.platform.outbox.tasks import purge_inbox
from app.platform.tasks import Tick
from tests.platform.outbox.station import Posted, Station


class TestPurgeInbox:
    async def test_forgets_only_what_is_old(self, station: Station) -> None:
        for _ in range(2):
            await station.worker().handle(await station.post(Posted()))
            async with station.database.unit_of_work() as unit:
                age = InboxMessage.handled_at - timedelta(days=10)
                await unit.session.execute(update(InboxMessage).values(handled_at=age))
        settings = OutboxSettings(inbox_retention_days=14)

        async with station.database.unit_of_work() as unit:
            tick = Tick(due_at=datetime.now(UTC))
            ports = SimpleNamespace(
                settings=SimpleNamespace(tasks=settings), database=station.database
            )
            await purge_inbox(tick, unit, ports)

        assert await station.count(InboxMessage) == 1
