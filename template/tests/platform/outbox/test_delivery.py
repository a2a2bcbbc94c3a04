import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update
from uuid_utils.compat import uuid7

from app.platform.outbox.models import InboxMessage, OutboxMessage, QuarantinedMessage
from app.platform.outbox.staging import stage_tick
from app.platform.tasks import Tick
from app.platform.tasks.router import EPOCH
from tests.platform.outbox.station import Posted, Station, tasks


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
            await station.worker().handle(await _only_message(station))

        assert station.delivered == 1
        assert await station.count(OutboxMessage) == 0


class TestFailure:
    async def test_postpones_the_next_attempt(self, station: Station) -> None:
        message_id = await station.post(Posted(fails=1))

        await station.worker().handle(message_id)

        message = await station.get(OutboxMessage, message_id)
        assert message.attempts == 1
        wait = message.due_at - message.created_at
        assert timedelta(seconds=0.4) < wait < timedelta(seconds=3)
        await station.worker().handle(message_id)
        assert await station.count(OutboxMessage) == 0

    async def test_ends_in_quarantine_after_the_last_attempt(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted(fails=9))

        for _ in range(3):
            await station.worker().handle(message_id)

        confined = await station.get(QuarantinedMessage, message_id)
        assert confined.attempts == 3
        assert confined.error == "RuntimeError: The dog barked."
        assert await station.count(OutboxMessage) == 0

    async def test_counts_an_attempt_that_takes_too_long(
        self, station: Station
    ) -> None:
        message_id = await station.post(Posted(seconds=60))

        await station.worker().handle(message_id)

        assert (await station.get(OutboxMessage, message_id)).attempts == 1

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"attempts": 3}, "It ended its worker each time."),
            ({"task": "post.sing"}, "There is no such task."),
        ],
    )
    async def test_confines_what_can_only_fail(
        self, station: Station, change: dict[str, object], error: str
    ) -> None:
        message_id = await station.post(Posted())
        async with station.database.unit_of_work() as unit:
            await unit.session.execute(update(OutboxMessage).values(change))

        await station.worker().handle(message_id)

        assert station.delivered == 0
        assert (await station.get(QuarantinedMessage, message_id)).error == error


async def _only_message(station: Station) -> UUID:
    async with station.database.read_session() as session:
        return (await session.scalars(select(OutboxMessage.id))).one()
