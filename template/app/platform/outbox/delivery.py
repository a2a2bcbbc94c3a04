"""What a worker does with a message: its task, once, or another attempt, or the end."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.database import Database, UnitOfWork
from app.platform.database.engine import rows
from app.platform.database.postgresql import classify
from app.platform.database.postgresql_text import insertion
from app.platform.observability import context
from app.platform.outbox.models import InboxMessage, OutboxMessage
from app.platform.outbox.outbox import Outbox, OutboxSettings
from app.platform.outbox.quarantine import Quarantine
from app.platform.tasks.attempt import (
    Around,
    Attempt,
    Outcome,
    Work,
    backoff,
    pause,
    plainly,
)
from app.platform.tasks.router import Task, TaskRouter

log = structlog.get_logger(__name__)


class Inbox:
    """The messages that have had their effect."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def accept(self, id_: UUID, *, task: str) -> bool:
        """
        Enter a message in the transaction of its effect; false if it is there already.

        Done last, just before the commit: a task that calls others first holds no
        transaction meanwhile. While another attempt commits, this waits for it.
        """
        entry = insertion(InboxMessage, [{"id": id_, "task": task}], ignore=True)
        return bool(await rows(self._session, *entry))

    async def knows(self, id_: UUID) -> bool:
        return await self._session.get(InboxMessage, id_) is not None


class HandledElsewhere(Exception):
    """Another attempt has had the effect, or is about to: this one has none."""


class Delivery:
    """
    Handles messages at least once, with their effect once.

    An attempt holds its message until a lease ends, and a copy that comes meanwhile
    steps back. The effect, the entry in the inbox and the end of the message share a
    transaction, which is opened by the task's first statement: one that calls others
    before holds nothing meanwhile. Attempts are counted before they are made, so that
    a message which kills its worker is confined like one that raises.
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
        self._unknown_for = timedelta(seconds=settings.unknown_task_seconds)
        self._database = database
        self._ports = ports

    async def handle(self, id_: UUID) -> None:
        async with self._database.unit_of_work() as unit:
            message = await Outbox(unit.session).begin(id_, lease=self._attempt_lease)
        if message is None:
            await self._step_back(id_)
            return
        with context.restore(message.headers):
            waited = self._began_at(message) - message.created_at
            attempt = Attempt(message.name, message.attempts, waited.total_seconds())
            await self.around(attempt, self._work_for(message))

    async def _step_back(self, id_: UUID) -> None:
        """Leave a message to whoever has it, or end one that is staged once more."""
        async with self._database.unit_of_work() as unit:
            message = await Outbox(unit.session).find(id_)
            again = message is not None and await Inbox(unit.session).knows(id_)
            if again:
                await Outbox(unit.session).remove(id_)
        log.info(
            "task.staged_again" if again else "task.duplicate", message_id=str(id_)
        )
        if message is not None:
            await self.around(Attempt(message.name, message.attempts, 0), _duplicate)

    def _work_for(self, message: OutboxMessage) -> Work:
        task = self.tasks.find(message.name)
        if task is None:
            return partial(self._wait_for_another_version, message)
        if message.crashes >= task.crashes:
            return partial(self._confine, message, "It ended its worker each time.")
        return partial(self._attempt, task, message)

    async def _attempt(self, task: Task, message: OutboxMessage) -> Outcome:
        began = monotonic()
        try:
            async with asyncio.timeout(task.timeout.total_seconds()):
                await self._run(task, message)
        except HandledElsewhere:
            log.info("task.duplicate", task=task.name, message_id=str(message.id))
            return await self._give_back(message, backoff(1), Outcome.DUPLICATE)
        except Exception as error:
            # The promise: whatever a task raises ends in another attempt or in
            # quarantine, and the worker goes on.
            log.exception("task.failed", task=task.name, attempt=message.attempts)
            took = timedelta(seconds=monotonic() - began)
            return await self._settle(task, message, error, took)
        log.info("task.done", task=task.name, attempt=message.attempts)
        return Outcome.DONE

    async def _run(self, task: Task, message: OutboxMessage) -> None:
        event = task.event.model_validate(message.payload)
        async with self._database.unit_of_work(may_idle=task.timeout) as unit:
            await task.run(event, unit, self._ports)
            await _enter(unit, message)

    async def _settle(
        self, task: Task, message: OutboxMessage, error: Exception, took: timedelta
    ) -> Outcome:
        began = self._began_at(message)
        left = (message.first_attempt_at or began) + task.retry_for - began - took
        if left <= timedelta(0):
            return await self._confine(message, f"{type(error).__name__}: {error}")
        # The last attempt is made when the window ends, not before.
        delay = min(backoff(message.attempts), left)
        async with self._database.unit_of_work() as unit:
            mine = await Outbox(unit.session).postpone(message, delay=delay)
        return Outcome.RETRIED if mine else _lost(message)

    async def _confine(self, message: OutboxMessage, error: str) -> Outcome:
        async with self._database.unit_of_work() as unit:
            mine = await Quarantine(unit.session).confine(message, error=error)
        if not mine:
            return _lost(message)
        log.error("task.quarantined", task=message.name, message_id=str(message.id))
        return Outcome.QUARANTINED

    async def _wait_for_another_version(self, message: OutboxMessage) -> Outcome:
        """Let a worker that knows the task find the message, for a time."""
        age = self._began_at(message) - message.created_at
        if age >= self._unknown_for:
            return await self._confine(message, "There is no such task.")
        log.warning("task.unknown", task=message.name, message_id=str(message.id))
        return await self._give_back(message, pause(age), Outcome.UNKNOWN)

    async def _give_back(
        self, message: OutboxMessage, delay: timedelta, outcome: Outcome
    ) -> Outcome:
        async with self._database.unit_of_work() as unit:
            await Outbox(unit.session).give_back(message, delay=delay)
        return outcome

    def _began_at(self, message: OutboxMessage) -> datetime:
        """By the clock of the database, which is everybody's."""
        return message.due_at - self._attempt_lease


async def _enter(unit: UnitOfWork, message: OutboxMessage) -> None:
    try:
        new = await Inbox(unit.session).accept(message.id, task=message.name)
    except DBAPIError as error:
        if classify(error) == "locked":
            raise HandledElsewhere from error
        raise
    if not new:
        raise HandledElsewhere
    await Outbox(unit.session).remove(message.id)


async def _duplicate() -> Outcome:
    return Outcome.DUPLICATE


def _lost(message: OutboxMessage) -> Outcome:
    """The lease ended first: what another attempt has made of it stays."""
    log.warning("task.lease_lost", task=message.name, message_id=str(message.id))
    return Outcome.DUPLICATE
