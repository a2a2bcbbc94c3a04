"""A task for each second: copied into a rendering, and run by `-A ticking`."""

from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app import background
from app.platform.database import UnitOfWork
from app.platform.tasks import TaskRouter, Tick

EVERY_SECONDS = 1
INSERT = "INSERT INTO ticks (due_at) VALUES (:due_at)"

tasks = TaskRouter("promises")


@tasks.every(timedelta(seconds=EVERY_SECONDS))
async def strike(tick: Tick, unit: UnitOfWork, _: Any) -> None:
    await unit.session.execute(text(INSERT), {"due_at": tick.due_at})


background.tasks.include(tasks)

from app.celery import celery  # noqa: E402 - it registers the tasks it finds

__all__ = ["celery"]
