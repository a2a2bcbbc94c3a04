"""A task that stores a row: for a worker, `-A tasked`, and for a relay, `-m tasked`."""

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app import background
from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.tasks import TaskRouter

INSERT = text("INSERT INTO effects (id) VALUES (:id)")

tasks = TaskRouter("bench")


class Noted(Event):
    id: UUID


@tasks.on(Noted)
async def store(event: Noted, unit: UnitOfWork, _: Any) -> None:
    await unit.session.execute(INSERT, {"id": event.id})


background.tasks.include(tasks)

from app import relay  # noqa: E402 - it registers the tasks it finds
from app.celery import celery  # noqa: E402

__all__ = ["celery"]

if __name__ == "__main__":
    asyncio.run(relay.main(relay.Settings.load()))
