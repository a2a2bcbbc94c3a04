"""No queue: each task runs in the process that committed its event."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from time import monotonic
from typing import Any, ClassVar, Self

import structlog
from pydantic import Field

from app.platform.configuration import Limit, Section
from app.platform.database import UnitOfWork
from app.platform.errors import Unavailable
from app.platform.events import Event
from app.platform.tasks.attempt import Around, Attempt, Outcome, backoff, plainly
from app.platform.tasks.clock import Clock
from app.platform.tasks.router import Task, TaskRouter, Tick

log = structlog.get_logger(__name__)


class InlineTasksSettings(Section):
    """`TASKS__*` in the environment."""

    concurrency: int = Field(4, ge=1)
    """How many tasks run at once in each process: each may hold a connection."""
    backlog: int = Field(1000, ge=1)
    """How many may run and wait in each process; what comes beyond is lost."""
    drain_seconds: float = Field(10.0, ge=0)
    """How long a process that stops waits for tasks that are still running."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "TASKS__CONCURRENCY",
            below=("DATABASE__POOL_SIZE", "DATABASE__POOL_OVERFLOW"),
            reason="tasks leave no connection to the requests",
        ),
        Limit(
            "SERVER__DRAIN_SECONDS",
            "SERVER__FINISH_SECONDS",
            "TASKS__DRAIN_SECONDS",
            below="SERVER__GRACE_SECONDS",
            reason="tasks that a stopping process waits for are killed",
        ),
    )

    def contradictions(self, tasks: TaskRouter) -> Iterator[str]:
        yield from tasks.contradictions()


class InlineTasks:
    """
    Runs tasks beside the requests, for a service too small for a queue.

    A task is retried while the process lives and lost when it dies: at most once. A
    few run at a time, and those that wait hold no connection. The order of a key is
    that of this process.
    """

    def __init__(self, settings: InlineTasksSettings, tasks: TaskRouter) -> None:
        self.around: Around = plainly
        self._settings = settings
        self.tasks = tasks
        self._ports: Any = None
        self._running: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(settings.concurrency)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: InlineTasksSettings, *, tasks: TaskRouter
    ) -> AsyncIterator[Self]:
        yield cls(settings, tasks)

    @asynccontextmanager
    async def running(self, ports: Any) -> AsyncIterator[None]:
        self._ports = ports
        clock = Clock(ports.database, self.tasks, self._start_tick)
        ticking = asyncio.create_task(clock.run())
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.wait([ticking])
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
            if self._is_full():
                await self.around(Attempt(task.name, 1, 0), partial(_drop, task))
            else:
                await self._start(task, event)

    async def _run(
        self, task: Task, event: Event, before: asyncio.Task[None] | None
    ) -> None:
        committed = monotonic()
        if before is not None:
            await asyncio.wait([before])
        until = committed + task.retry_for.total_seconds()
        for number in count(1):
            attempt = Attempt(task.name, number, monotonic() - committed)
            work = partial(self._attempt, task, event, number, until)
            async with self._turns:
                outcome = await self.around(attempt, work)
            if outcome is not Outcome.RETRIED:
                return
            # The last attempt is made when the window ends, not before.
            left = max(0, until - monotonic())
            await asyncio.sleep(min(backoff(number).total_seconds(), left))

    async def _attempt(
        self, task: Task, event: Event, number: int, until: float
    ) -> Outcome:
        try:
            async with (
                asyncio.timeout(task.timeout.total_seconds()),
                self._ports.database.unit_of_work(may_idle=task.timeout) as unit,
            ):
                await task.run(event, unit, self._ports)
        except Exception:
            # The promise: a task that fails disturbs nobody but itself.
            log.exception("task.failed", task=task.name, attempt=number)
            over = monotonic() >= until
            return Outcome.QUARANTINED if over else Outcome.RETRIED
        log.info("task.done", task=task.name, attempt=number)
        return Outcome.DONE

    async def _start_tick(self, unit: UnitOfWork, task: Task, tick: Tick) -> None:
        if self._is_full():
            raise Unavailable(f"{task.name} has to wait: too much is to be done.")
        unit.after_commit(self._start, task, tick)

    async def _start(self, task: Task, event: Event) -> None:
        key = task.key_of(event)
        before = None if key is None else self._last.get(key)
        started = asyncio.create_task(self._run(task, event, before))
        self._running.add(started)
        started.add_done_callback(self._running.discard)
        if key is not None:
            self._last[key] = started
            started.add_done_callback(partial(self._forget, key))

    def _forget(self, key: str, ended: asyncio.Task[None]) -> None:
        if self._last[key] is ended:
            del self._last[key]

    def _is_full(self) -> bool:
        return len(self._running) >= self._settings.backlog

    async def _drain(self) -> None:
        if self._running:
            seconds = self._settings.drain_seconds
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()
                log.error("task.abandoned")


async def _drop(task: Task) -> Outcome:
    log.error("task.dropped", task=task.name)
    return Outcome.DROPPED
