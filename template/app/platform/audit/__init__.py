"""Security events: each a line of the log, and for a while a row of a table."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.audit.models import AuditEvent
from app.platform.database import UnitOfWork
from app.platform.database.database import purge
from app.platform.observability import context
from app.platform.tasks import TaskRouter, Tick

log = structlog.get_logger("security")
tasks = TaskRouter("audit")


async def note(
    session: AsyncSession, kind: str, whose: str | None, *, about: str | None = None
) -> None:
    """Leave a line in the log and, once this is committed, a row in the table."""
    log.info(f"security.{kind}", principal_id=whose, about=about)
    session.add(
        AuditEvent(
            kind=kind,
            principal_id=whose,
            about=about,
            caller_id=context.caller().id,
            request_id=context.request_id(),
        )
    )
    await session.flush()


async def events(
    session: AsyncSession, whose: str | None, *, limit: int
) -> Sequence[str]:
    """Describe the newest, of everybody unless one is named, each in a line."""
    query = select(AuditEvent).order_by(AuditEvent.created_at.desc()).limit(limit)
    if whose is not None:
        query = query.where(AuditEvent.principal_id == whose)
    return [each.described() for each in await session.scalars(query)]


@tasks.every(timedelta(hours=1))
async def purge_audit_events(_: Tick, __: UnitOfWork, ports: Any) -> None:
    kept = timedelta(days=ports.settings.audit.days)
    purged = await purge(ports.database, AuditEvent.created_at, older_than=kept)
    log.info("audit.purged", events=purged)
