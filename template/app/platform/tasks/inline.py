"""No queue: each task runs in the process that committed its event."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from time import monotonic
from typing import Any

import structlog

from app.platform.configuration import Section
from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.tasks.attempt import Around, Attempt, plainly
from app.platform.tasks.backoff import backoff
from app.platform.tasks.outcome import Outcome
from app.platform.tasks.router import Task, TaskRouter, Tick

log = structlog.get_logger(__name__)


class InlineTasksSettings(Section):
    """`TASKS__*` in the environment."""

    drain_seconds: float = 10.0
    """How long a process that stops waits for tasks that are still running."""


class InlineTasks:
    """
    Runs tasks beside the requests, for a service too small for a queue.

    A task is retried while the process lives and lost when it dies: at most once.
    Periodic tasks run in every process.
    """

    def __init__(self, settings: InlineTasksSettings, tasks: TaskRouter) -> None:
        self.around: Around = plainly
        self._settings = settings
        self.tasks = tasks
        self._ports: Any = None
        self._running: set[asyncio.Task[None]] = set()
        self._clocks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self, ports: Any) -> AsyncIterator[None]:
        self._ports = ports
        for task, interval in self.tasks.periodic():
            self._start(self._clocks, self._tick(task, interval))
        try:
            yield
        finally:
            for clock in self._clocks:
                clock.cancel()
            await self._drain()

    async def stage(self, unit: UnitOfWork, events: Sequence[Event]) -> None:
        for event in events:
            unit.after_commit(self._publish, event)

    async def idle(self) -> None:
        """Wait until no task runs or waits for its next attempt."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    async def _publish(self, event: Event) -> None:
        for task in self.tasks.started_by(event):
            self._start(self._running, self._run(task, event))

    async def _run(self, task: Task, event: Event) -> None:
        committed = monotonic()
        until = committed + task.retry_for.total_seconds()
        for number in count(1):
            attempt = Attempt(task.name, number, monotonic() - committed)
            work = partial(self._attempt, task, event, number, until)
            if await self.around(attempt, work) is not Outcome.RETRIED:
                return
            # The last attempt is made when the window ends, not before.
            left = max(0, until - monotonic())
            await asyncio.sleep(min(backoff(number).total_seconds(), left))

    async def _attempt(
        self, task: Task, event: Event, number: int, until: float
    ) -> Outcome:
        try:
            async with asyncio.timeout(task.timeout.total_seconds()):
                await self._work(task, event)
        except Exception:
            # The promise: a task that fails disturbs nobody but itself.
            log.exception("task.failed", task=task.name, attempt=number)
            over = monotonic() >= until
            return Outcome.QUARANTINED if over else Outcome.RETRIED
        log.info("task.done", task=task.name, attempt=number)
        return Outcome.DONE

    async def _work(self, task: Task, event: Event) -> None:
        async with self._ports.database.unit_of_work(may_idle=task.timeout) as unit:
            await task.run(event, unit, self._ports)

    async def _tick(self, task: Task, interval: timedelta) -> None:
        while True:
            await asyncio.sleep(interval.total_seconds())
            await self._run(task, Tick(due_at=datetime.now(UTC)))

    @staticmethod
    def _start(group: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
        started = asyncio.create_task(work)
        group.add(started)
        started.add_done_callback(group.discard)

    async def _drain(self) -> None:
        if self._running:
            seconds = self._settings.drain_seconds
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()
                log.error("task.abandoned")
