"""A task for each second: for a worker, `-A ticking`, and for a relay, `-m ticking`."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app import background
from app.platform.database import UnitOfWork
from app.platform.tasks import TaskRouter, Tick

EVERY_SECONDS = 1
INSERT = "INSERT INTO strikes (due_at) VALUES (:due_at)"

tasks = TaskRouter("promises")


@tasks.every(
    timedelta(seconds=EVERY_SECONDS), timeout=timedelta(seconds=EVERY_SECONDS * 0.9)
)
async def strike(tick: Tick, unit: UnitOfWork, _: Any) -> None:
    await unit.session.execute(text(INSERT), {"due_at": tick.due_at})


background.tasks.include(tasks)

from app import relay  # noqa: E402 - it registers the tasks it finds
from app.celery import celery  # noqa: E402

__all__ = ["celery"]

if __name__ == "__main__":
    asyncio.run(relay.main(relay.Settings.load()))
