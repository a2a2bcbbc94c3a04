"""Forgetting answers that nobody will ask for again."""

from datetime import timedelta
from typing import Any

import structlog

from app.platform.database import UnitOfWork
from app.platform.database.database import purge
from app.platform.idempotency.models import IdempotencyKey
from app.platform.tasks import TaskRouter, Tick

log = structlog.get_logger(__name__)
tasks = TaskRouter("idempotency")


@tasks.every(timedelta(minutes=10))
async def purge_idempotency_keys(_: Tick, __: UnitOfWork, ports: Any) -> None:
    purged = await purge(ports.database, IdempotencyKey.expires_at)
    log.info("idempotency.purged", keys=purged)
