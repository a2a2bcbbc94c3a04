"""Forgetting answers that nobody will ask for again."""

from datetime import timedelta
from typing import Any

import structlog

from app.platform.database import UnitOfWork
from app.platform.idempotency.repository import purge_expired
from app.platform.tasks import TaskRouter, Tick

log = structlog.get_logger(__name__)
tasks = TaskRouter("idempotency")

BATCH = 1000
MAX_BATCHES = 50


@tasks.every(timedelta(minutes=10))
async def purge_idempotency_keys(_: Tick, unit: UnitOfWork, __: Any) -> None:
    """Delete a batch at a time, and a bounded number of batches."""
    purged = 0
    for _batch in range(MAX_BATCHES):
        purged += (deleted := await purge_expired(unit.session, batch=BATCH))
        if deleted < BATCH:
            break
    log.info("idempotency.purged", keys=purged)
