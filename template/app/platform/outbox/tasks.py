"""Keeping the inbox small."""

from datetime import timedelta
from typing import Any

import structlog

from app.platform.database import UnitOfWork
from app.platform.database.database import purge
from app.platform.outbox.models import InboxMessage
from app.platform.outbox.outbox import OutboxSettings
from app.platform.tasks.router import TaskRouter, Tick

log = structlog.get_logger(__name__)
tasks = TaskRouter("outbox")


@tasks.every(timedelta(minutes=10))
async def purge_inbox(_: Tick, __: UnitOfWork, ports: Any) -> None:
    settings: OutboxSettings = ports.settings.tasks
    retention = timedelta(days=settings.inbox_retention_days)
    purged = await purge(ports.database, InboxMessage.handled_at, older_than=retention)
    log.info("inbox.purged", messages=purged)
