"""What a worker does with a message: its task, once, or another attempt, or the end."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from app.platform.database import Database
from app.platform.observability import context
from app.platform.outbox.inbox import Inbox
from app.platform.outbox.models import OutboxMessage
from app.platform.outbox.outbox import Outbox
from app.platform.outbox.quarantine import Quarantine
from app.platform.outbox.settings import OutboxSettings
from app.platform.tasks.attempt import Around, Attempt, plainly
from app.platform.tasks.backoff import backoff
from app.platform.tasks.outcome import Outcome
from app.platform.tasks.router import Task, TaskRouter

log = structlog.get_logger(__name__)


class Delivery:
    """
    Handles messages at least once, with their effect once.

    The effect, the entry in the inbox and the end of the message share a
    transaction. Attempts are counted before they are made, so that a message which
    kills its worker is confined like one that raises.
    """

    def __init__(
        self,
        tasks: TaskRouter,
        settings: OutboxSettings,
        *,
        database: Database,
        ports: Any,
    ) -> None:
        self.around: Around = plainly
        self.tasks = tasks
        self._attempt_lease = timedelta(seconds=settings.attempt_seconds)
        self._database = database
        self._ports = ports

    async def handle(self, id_: UUID) -> None:
        async with self._database.unit_of_work() as unit:
            message = await Outbox(unit.session).begin(id_, lease=self._attempt_lease)
        if message is None:
            log.info("task.duplicate", message_id=str(id_))
            return
        with context.resume(message.context):
            await self._handle(message)

    async def _handle(self, message: OutboxMessage) -> None:
        task = self.tasks.find(message.task)
        if task is None:
            await self._confine(message, error="There is no such task.")
        elif message.attempts > task.attempts:
            await self._confine(message, error="It ended its worker each time.")
        else:
            await self.around(_attempt(message), partial(self._attempt, task, message))

    async def _attempt(self, task: Task, message: OutboxMessage) -> Outcome:
        try:
            async with asyncio.timeout(task.timeout.total_seconds()):
                outcome = await self._run(task, message)
        except Exception as error:
            # The promise: whatever a task raises ends in another attempt or in
            # quarantine, and the worker goes on.
            log.exception("task.failed", task=task.name, attempt=message.attempts)
            return await self._settle(task, message, error)
        log.info("task.done", task=task.name, attempt=message.attempts)
        return outcome

    async def _run(self, task: Task, message: OutboxMessage) -> Outcome:
        event = task.event.model_validate(message.payload)
        async with self._database.unit_of_work() as unit:
            new = await Inbox(unit.session).accept(message.id, task=task.name)
            if new:
                await task.run(event, unit, self._ports)
            await Outbox(unit.session).remove(message.id)
        return Outcome.DONE if new else Outcome.DUPLICATE

    async def _settle(
        self, task: Task, message: OutboxMessage, error: Exception
    ) -> Outcome:
        if message.attempts >= task.attempts:
            await self._confine(message, error=f"{type(error).__name__}: {error}")
            return Outcome.QUARANTINED
        async with self._database.unit_of_work() as unit:
            delay = backoff(message.attempts)
            await Outbox(unit.session).postpone(message.id, delay=delay)
        return Outcome.RETRIED

    async def _confine(self, message: OutboxMessage, *, error: str) -> None:
        async with self._database.unit_of_work() as unit:
            await Quarantine(unit.session).confine(message, error=error[:500])
        log.error("task.quarantined", task=message.task, message_id=str(message.id))


def _attempt(message: OutboxMessage) -> Attempt:
    waited = datetime.now(UTC) - message.created_at
    return Attempt(message.task, message.attempts, waited.total_seconds())
