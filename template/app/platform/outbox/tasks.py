"""Keeping the inbox small."""

from datetime import timedelta
from typing import Any

from app.platform.database import UnitOfWork
from app.platform.outbox.inbox import Inbox
from app.platform.outbox.settings import OutboxSettings
from app.platform.tasks.router import TaskRouter, Tick

tasks = TaskRouter("outbox")


@tasks.every(timedelta(hours=1))
async def purge_inbox(_: Tick, unit: UnitOfWork, ports: Any) -> None:
    settings: OutboxSettings = ports.settings.tasks
    retention = timedelta(days=settings.inbox_retention_days)
    await Inbox(unit.session).purge(older_than=retention)
