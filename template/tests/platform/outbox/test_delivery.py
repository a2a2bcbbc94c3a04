import asyncio
from datetime import timedelta

from sqlalchemy import func
from uuid_utils.compat import uuid7

from app.platform.database import Database, DatabaseSettings
from app.platform.outbox.delivery import Delivery, Inbox
from app.platform.outbox.models import InboxMessage, OutboxMessage, QuarantinedMessage
from app.platform.outbox.outbox import Outbox, stage_tick
from app.platform.tasks import Tick
from app.platform.tasks.router import EPOCH
from tests.platform.outbox.station import Posted, Station, stage_nothing, tasks
from tests.platform.outbox.test_relay import Carrier

HOUR = timedelta(hours=1)


class TestHandle:
    async def test_ignores_a_message_that_is_gone(self, station: Station) -> None:
        await station.worker().handle(uuid7())

        assert station.delivered == 0

    async def test_ends_the_message_with_its_effect(self, station: Station) -> None:
        message_id = await station.post(Posted())

        await station.worker().handle(message_id)

        assert station.delivered == 1
        assert await station.get(InboxMessage, message_id) is not None
        assert await station.count(OutboxMessage) == 0

    async def test_has_one_effect_for_a_message_that_comes_twice_at_once(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted(seconds=0.1))
        worker = station.worker()

        await asyncio.gather(worker.handle(message_id), worker.handle(message_id))

        assert station.delivered == 1

    async def test_has_one_effect_for_a_message_that_is_staged_again(
        self, station: Station
    ) -> None:
        [(task, _)] = tasks.periodic()

        for _ in range(2):
            async with station.database.unit_of_work() as unit:
                await stage_tick(unit, task, Tick(due_at=EPOCH))
            await station.worker().handle(await station.only_message())

        assert station.delivered == 1
        assert await station.count(OutboxMessage) == 0


class TestCopy:
    """A message that comes while another attempt has it."""

    async def test_steps_back_while_the_message_runs(self, station: Station) -> None:
        message_id = await station.post(Posted())
        station.go_on.clear()
        running = asyncio.create_task(station.worker().handle(message_id))
        await station.until_begun()
        before = await station.get(OutboxMessage, message_id)

        for _ in range(9):
            await station.worker().handle(message_id)

        after = await station.get(OutboxMessage, message_id)
        station.go_on.set()
        await running
        assert (after.attempts, after.due_at) == (before.attempts, before.due_at)
        assert station.delivered == 1
        assert await station.count(InboxMessage) == 1
        assert await station.count(OutboxMessage) == 0
        assert await station.count(QuarantinedMessage) == 0

    async def test_steps_back_while_the_message_waits_for_its_next_attempt(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted(fails=1))
        await station.worker().handle(message_id)
        await station.change(due_at=func.now() + HOUR)

        await station.worker().handle(message_id)

        assert station.delivered == 1
        assert (await station.get(OutboxMessage, message_id)).attempts == 1

    async def test_of_an_earlier_claim_may_begin(self, station: Station) -> None:
        """Else a backlog that outlasts its lease would be sent for ever."""
        message_id = await station.post(Posted())
        relay = station.relay(carrier := Carrier())
        await relay.relay_due()
        await station.expire_leases()
        await relay.relay_due()

        await station.worker().handle(carrier.sent[0])

        assert carrier.sent == [message_id] * 2
        assert station.delivered == 1

    async def test_does_not_count_when_it_waits_for_the_other_commit(
        self, station: Station, database_settings: DatabaseSettings
    ) -> None:
        message_id = await station.post(Posted())
        limits = database_settings.model_copy(update={"lock_timeout_seconds": 0.1})
        async with (
            Database.open(limits, stage=stage_nothing) as database,
            station.database.unit_of_work() as other,
        ):
            await Inbox(other.session).accept(message_id, task="post.deliver")
            settings = station.settings
            worker = Delivery(tasks, settings, database=database, ports=station)
            await worker.handle(message_id)
            waiting = await station.get(OutboxMessage, message_id)
            await Outbox(other.session).remove(message_id)

        assert (waiting.attempts, waiting.crashes) == (0, 0)
        assert waiting.attempt_id is None
        assert await station.count(OutboxMessage) == 0
        assert await station.count(QuarantinedMessage) == 0


class TestLostLease:
    async def test_of_a_failure_leaves_the_other_attempt_alone(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted(fails=9))
        station.go_on.clear()
        late = asyncio.create_task(station.worker().handle(message_id))
        await station.until_begun()
        await station.expire_leases()
        async with station.database.unit_of_work() as unit:
            other = await Outbox(unit.session).begin(message_id, lease=HOUR)

        station.go_on.set()
        await late

        message = await station.get(OutboxMessage, message_id)
        assert other is not None
        assert (message.attempt_id, message.due_at) == (other.attempt_id, other.due_at)

    async def test_of_a_last_failure_confines_nothing(self, station: Station) -> None:
        message_id = await station.post(Posted(fails=9))
        await station.change(first_attempt_at=func.now() - 2 * HOUR)
        station.go_on.clear()
        late = asyncio.create_task(station.worker().handle(message_id))
        await station.until_begun()
        await station.expire_leases()
        async with station.database.unit_of_work() as unit:
            await Outbox(unit.session).begin(message_id, lease=HOUR)

        station.go_on.set()
        await late

        assert await station.count(OutboxMessage) == 1
        assert await station.count(QuarantinedMessage) == 0

    async def test_of_a_success_is_the_one_effect(self, station: Station) -> None:
        message_id = await station.post(Posted())
        station.go_on.clear()
        first = asyncio.create_task(station.worker().handle(message_id))
        await station.until_begun()
        await station.expire_leases()

        await station.worker().handle(message_id)
        station.go_on.set()
        await first

        assert station.delivered == 2
        assert await station.count(InboxMessage) == 1
        assert await station.count(OutboxMessage) == 0
        assert await station.count(QuarantinedMessage) == 0
