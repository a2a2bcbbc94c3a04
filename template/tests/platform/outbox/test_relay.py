import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.platform.database import DatabaseSettings
from app.platform.outbox.models import TASKS, OutboxMessage
from app.platform.outbox.outbox import OutboxSettings
from app.platform.outbox.relay import Refused, Relay
from tests.platform.outbox.station import Posted, Station


class Carrier:
    """A broker that can be down."""

    final = False

    def __init__(self) -> None:
        self.sent: list[UUID] = []
        self.used = asyncio.Event()
        self.down = False

    async def publish(self, messages: Sequence[OutboxMessage]) -> Refused:
        await asyncio.sleep(0.01)
        if self.down:
            raise ConnectionError
        self.sent += [message.id for message in messages]
        self.used.set()
        return {}


@pytest.fixture
def carrier() -> Carrier:
    return Carrier()


class TestRelayDue:
    async def test_keeps_what_the_broker_did_not_take(
        self, station: Station, carrier: Carrier
    ) -> None:
        message_id = await station.post(Posted())
        relay = station.relay(carrier)
        carrier.down = True

        with pytest.raises(ConnectionError):
            await relay.relay_due()

        carrier.down = False
        await station.expire_leases()
        assert await relay.relay_due() == 1
        assert carrier.sent == [message_id]

    async def test_sends_again_what_nobody_handled(
        self, station: Station, carrier: Carrier
    ) -> None:
        message_id = await station.post(Posted())
        relay = station.relay(carrier)

        await relay.relay_due()
        await relay.relay_due()
        await station.expire_leases()
        await relay.relay_due()

        assert carrier.sent == [message_id, message_id]

    async def test_leaves_the_lease_of_a_worker_alone(
        self, station: Station, carrier: Carrier
    ) -> None:
        message_id = await station.post(Posted(fails=1))

        class Hasty(Carrier):
            async def publish(self, messages: Sequence[OutboxMessage]) -> Refused:
                await station.worker().handle(messages[0].id)
                return {}

        await station.relay(Hasty()).relay_due()

        message = await station.get(OutboxMessage, message_id)
        assert (message.due_at - message.created_at).total_seconds() < 5

    async def test_of_several_relays_sends_each_message_once(
        self, station: Station, carrier: Carrier
    ) -> None:
        posted = [await station.post(Posted()) for _ in range(20)]
        settings = OutboxSettings(relay_batch=3)
        relays = [Relay(station.database, {TASKS: carrier}, settings) for _ in range(3)]

        while sum(await asyncio.gather(*(relay.relay_due() for relay in relays))):
            pass

        assert sorted(carrier.sent) == sorted(posted)


class TestRun:
    async def test_sends_at_once_when_notified(
        self,
        station: Station,
        carrier: Carrier,
        database_settings: DatabaseSettings,
    ) -> None:
        settings = OutboxSettings(relay_poll_seconds=30)
        relay = Relay(station.database, {TASKS: carrier}, settings)
        running = asyncio.create_task(relay.run(database_settings))
        await asyncio.sleep(0.2)

        message_id = await station.post(Posted())

        async with asyncio.timeout(10):
            await carrier.used.wait()
        running.cancel()
        assert carrier.sent == [message_id]

    async def test_outlives_the_loss_of_its_connections(
        self,
        station: Station,
        carrier: Carrier,
        database_settings: DatabaseSettings,
    ) -> None:
        settings = OutboxSettings(relay_poll_seconds=0.05)
        relay = Relay(station.database, {TASKS: carrier}, settings)
        running = asyncio.create_task(relay.run(database_settings))
        await asyncio.sleep(0.2)

        await _lose_connections(station)

        message_id = await _post(station)
        async with asyncio.timeout(10):
            await carrier.used.wait()
        running.cancel()
        assert carrier.sent == [message_id]


async def _post(station: Station) -> UUID:
    """Post it again when that was refused, as it is to who takes a lost connection."""
    while True:
        try:
            return await station.post(Posted())
        except DBAPIError:
            await asyncio.sleep(0)


async def _lose_connections(station: Station) -> None:
    async with station.database.unit_of_work() as unit:
        await unit.session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
