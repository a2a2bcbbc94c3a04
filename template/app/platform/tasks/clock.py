"""Who starts the periodic tasks: every clock asks, and one of them starts each tick."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from sqlalchemy import func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.database import Database, UnitOfWork
from app.platform.database.postgresql import upsert
from app.platform.tasks.models import LastTick
from app.platform.tasks.router import Task, TaskRouter, Tick

log = structlog.get_logger(__name__)

PAUSE_SECONDS = 1.0

type Start = Callable[[UnitOfWork, Task, Tick], Awaitable[None]]


class Clock:
    """
    Starts each tick once, however many clocks there are and whenever they began.

    The database holds the time and remembers each task's last tick. So a tick that
    was missed runs once, late; of several that were missed, only the last. A task
    that is new waits for its next tick: a deployment does not start it.
    """

    def __init__(self, database: Database, tasks: TaskRouter, start: Start) -> None:
        self._database = database
        self._tasks = list(tasks.periodic())
        self._start = start

    async def run(self) -> None:
        """Strike until cancelled, through outages of the database."""
        while True:
            try:
                await self.strike()
            except Exception:
                # The promise: an outage delays ticks and does not stop the clock.
                log.warning("clock.failed", exc_info=True)
            await asyncio.sleep(PAUSE_SECONDS)

    async def strike(self) -> None:
        """Start what is due now and was not started yet."""
        if not self._tasks:
            return
        async with self._database.unit_of_work() as unit:
            now, last = await _remembered(unit.session)
        for task, schedule in self._tasks:
            due_at = schedule.due(now)
            known = last.get(task.name)
            if known is None or not due_at <= known <= now:
                await self._take(task, due_at, new=known is None)

    async def _take(self, task: Task, due_at: datetime, *, new: bool) -> None:
        # The start is part of the transaction: neither is there without the other.
        async with self._database.unit_of_work() as unit:
            if await _remember(unit.session, task, due_at) and not new:
                await self._start(unit, task, Tick(due_at=due_at))


async def _remembered(session: AsyncSession) -> tuple[datetime, Mapping[str, datetime]]:
    """The database's time, which all clocks share, and each task's last tick."""
    clock = select(func.now().label("time")).subquery()
    query = select(clock.c.time, LastTick.task, LastTick.due_at)
    rows = (await session.execute(query.outerjoin_from(clock, LastTick, true()))).all()
    return rows[0].time, {row.task: row.due_at for row in rows if row.task is not None}


async def _remember(session: AsyncSession, task: Task, due_at: datetime) -> bool:
    """Tell whether the tick is this caller's: one clock of several gets it."""
    earlier = LastTick.due_at < due_at
    # Only a server whose time was put back knows ticks of the future.
    to_come = LastTick.due_at > func.now()
    tick = {"task": task.name, "due_at": due_at}
    noted = upsert(LastTick, tick, change=["due_at"], when=or_(earlier, to_come))
    return (await session.execute(noted)).first() is not None
