"""Deleting what has grown old, within the limits that hold for every statement."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from app.platform.database.database import Database
from app.platform.database.postgresql import from_now, take_and_delete

BATCH = 1000
# Less than a task may take by default, by more than the last statement may.
WITHIN_SECONDS = 20.0


async def purge(
    database: Database,
    column: InstrumentedAttribute[datetime],
    *,
    older_than: timedelta = timedelta(0),
    batch: int = BATCH,
    within_seconds: float = WITHIN_SECONDS,
) -> int:
    """
    Delete rows by their age, oldest first, until none is left or the time is up.

    Each batch is a transaction of its own: what is deleted stays so, whatever becomes
    of the rest. The column needs an index. Several may purge at once.
    """
    end = asyncio.get_running_loop().time() + within_seconds
    purged = 0
    reached: datetime | None = None
    while asyncio.get_running_loop().time() < end:
        deleted = await _purge_batch(database, column, older_than, batch, reached)
        purged += len(deleted)
        if len(deleted) < batch:
            break
        reached = max(deleted)
    return purged


async def _purge_batch(
    database: Database,
    column: InstrumentedAttribute[datetime],
    older_than: timedelta,
    batch: int,
    reached: datetime | None,
) -> list[datetime]:
    old = select(column.class_).where(column <= from_now(-older_than))
    if reached is not None:
        # Past what is deleted, but not yet out of the index.
        old = old.where(column >= reached)
    oldest = old.order_by(column).limit(batch)
    async with database.unit_of_work() as unit:
        deleted = await take_and_delete(unit.session, oldest, column)
        return [moment for (moment,) in deleted]
