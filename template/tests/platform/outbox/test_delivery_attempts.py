import asyncio
from datetime import timedelta

from sqlalchemy import func, text

from app.platform.database import Database, DatabaseSettings, UnitOfWork
from app.platform.outbox import OutboxSettings
from app.platform.outbox.delivery import Delivery
from app.platform.outbox.models import InboxMessage, OutboxMessage, QuarantinedMessage
from app.platform.outbox.outbox import Outbox, stage_tick
from app.platform.tasks import TaskRouter, Tick
from app.platform.tasks.router import EPOCH
from tests.platform.outbox.station import Posted, Station, stage_nothing, tasks

HOUR = timedelta(hours=1)


class TestFailure:
    async def test_postpones_the_next_attempt(self, station: Station) -> None:
        message_id = await station.post(Posted(fails=1))

        await station.worker().handle(message_id)

        message = await station.get(OutboxMessage, message_id)
        assert (message.attempts, message.attempt_id) == (1, None)
        assert message.due_at > message.first_attempt_at
        await station.expire_leases()
        await station.worker().handle(message_id)
        assert await station.count(OutboxMessage) == 0

    async def test_is_tried_again_however_often_within_the_window(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted(fails=30))

        for _ in range(31):
            await station.worker().handle(message_id)
            await station.expire_leases()

        assert station.delivered == 31
        assert await station.count(InboxMessage) == 1

    async def test_is_tried_a_last_time_when_the_window_ends(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted(fails=9))
        almost = timedelta(minutes=59, seconds=59)
        await station.change(attempts=20, first_attempt_at=func.now() - almost)

        await station.worker().handle(message_id)

        message = await station.get(OutboxMessage, message_id)
        assert message.due_at - message.first_attempt_at <= HOUR + timedelta(seconds=1)

    async def test_ends_in_quarantine_after_the_window(self, station: Station) -> None:
        message_id = await station.confine()

        confined = await station.get(QuarantinedMessage, message_id)
        assert confined.error == "RuntimeError: The dog barked."
        assert await station.count(OutboxMessage) == 0

    async def test_counts_an_attempt_that_takes_too_long(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted())
        hasty = TaskRouter("post")
        hasty.on(Posted, timeout=timedelta(seconds=0.1))(deliver)
        worker = station.worker()
        worker.tasks = hasty

        await worker.handle(message_id)

        assert (await station.get(OutboxMessage, message_id)).attempts == 1

    async def test_of_the_worker_is_counted_by_itself(self, station: Station) -> None:
        message_id = await station.post(Posted())

        for _ in range(3):
            async with station.database.unit_of_work() as unit:
                await Outbox(unit.session).begin(message_id, lease=HOUR)
            await station.expire_leases()
        await station.worker().handle(message_id)

        confined = await station.get(QuarantinedMessage, message_id)
        assert station.delivered == 0
        assert confined.error == "It ended its worker each time."

    async def test_is_confined_again_when_the_message_is_staged_again(
        self, station: Station
    ) -> None:
        [(task, _)] = tasks.periodic()

        for _ in range(2):
            async with station.database.unit_of_work() as unit:
                await stage_tick(unit, task, Tick(due_at=EPOCH))
            await station.change(crashes=task.crashes)
            await station.worker().handle(await station.only_message())

        assert await station.count(OutboxMessage) == 0
        assert await station.count(QuarantinedMessage) == 1


class TestTransaction:
    async def test_may_wait_for_others_as_long_as_the_task_may(
        self, station: Station, database_settings: DatabaseSettings
    ) -> None:
        limit = {"idle_in_transaction_timeout_seconds": 0.2}
        limits = database_settings.model_copy(update=limit)
        message_id = await station.post(Posted())
        async with Database.open(limits, stage=stage_nothing) as database:
            worker = Delivery(slow, station.settings, database=database, ports=station)
            await worker.handle(message_id)

        assert await station.count(InboxMessage) == 1

    async def test_begins_when_the_task_needs_it(self, station: Station) -> None:
        message_id = await station.post(Posted())
        station.go_on.clear()
        running = asyncio.create_task(station.worker().handle(message_id))
        await station.until_begun()

        held = [pool.pool.checkedout() for pool in station.database.pools]  # type: ignore[attr-defined]
        station.go_on.set()
        await running

        assert held == [0]


class TestVersions:
    """Workers of two versions side by side, on one database."""

    async def test_what_the_older_does_not_know_waits_for_the_newer(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted())

        for _ in range(3):
            await _older(station).handle(message_id)
            waiting = await station.get(OutboxMessage, message_id)
            await station.expire_leases()
        await station.worker().handle(message_id)

        assert (waiting.attempts, waiting.first_attempt_at) == (0, None)
        assert station.delivered == 1
        assert await station.count(InboxMessage) == 1
        assert await station.count(QuarantinedMessage) == 0

    async def test_what_the_newer_has_done_the_older_leaves(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted())

        await station.worker().handle(message_id)
        await _older(station).handle(message_id)

        assert station.delivered == 1
        assert await station.count(InboxMessage) == 1
        assert await station.count(QuarantinedMessage) == 0

    async def test_what_only_the_newer_can_read_waits_for_it(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted())
        await station.change(payload={"fails": "none of them"})

        await station.worker().handle(message_id)
        await station.change(payload={"fails": 0}, due_at=func.now())
        await station.worker().handle(message_id)

        assert station.delivered == 1
        assert await station.count(InboxMessage) == 1

    async def test_what_nobody_knows_is_confined_in_the_end(
        self, station: Station
    ) -> None:
        station.settings = OutboxSettings(unknown_task_seconds=60)
        message_id = await station.post(Posted())
        await station.change(created_at=func.now() - timedelta(seconds=61))

        await _older(station).handle(message_id)

        confined = await station.get(QuarantinedMessage, message_id)
        assert confined.error == "There is no such task."


slow = TaskRouter("post")


@slow.on(Posted, timeout=timedelta(seconds=20))
async def deliver(_: Posted, unit: UnitOfWork, __: Station) -> None:
    """Read, wait for a third party, and write."""
    await unit.session.execute(text("SELECT 1"))
    await asyncio.sleep(1)
    await unit.session.execute(text("SELECT 1"))


def _older(station: Station) -> Delivery:
    nothing = TaskRouter()
    settings = station.settings
    return Delivery(nothing, settings, database=station.database, ports=station)
