"""The outbox: what a transaction leaves behind for the relay, in its own commit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.outbox.models import OutboxMessage

CHANNEL = "outbox"


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages that are one relay's until a moment."""

    ids: Sequence[UUID]
    until: datetime | None


class Outbox:
    """The messages that are still to be handled."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, messages: Iterable[OutboxMessage]) -> None:
        """Store messages; one whose id is there already stays as it is."""
        rows = [
            {"id": m.id, "task": m.task, "payload": m.payload, "context": m.context}
            for m in messages
        ]
        if rows:
            statement = insert(OutboxMessage).values(rows)
            await self._session.execute(statement.on_conflict_do_nothing())

    async def claim(self, *, limit: int, lease: timedelta) -> Claim:
        """Take what is due and nobody else's."""
        due = (
            select(OutboxMessage.id)
            .where(OutboxMessage.due_at <= func.now())
            .order_by(OutboxMessage.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        claimed = await self._session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id.in_(due.scalar_subquery()))
            .values(due_at=func.now() + lease)
            .returning(OutboxMessage.id, OutboxMessage.due_at)
        )
        rows = claimed.all()
        until = rows[0].due_at if rows else None
        return Claim([row.id for row in rows], until)

    async def extend(self, claim: Claim, *, lease: timedelta) -> None:
        """Move the lease of the messages that no worker has begun since."""
        await self._session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id.in_(claim.ids), OutboxMessage.due_at == claim.until)
            .values(due_at=func.now() + lease)
        )

    async def begin(self, id_: UUID, *, lease: timedelta) -> OutboxMessage | None:
        """Count an attempt before it is made, so that one that kills still counts."""
        begun: OutboxMessage | None = await self._session.scalar(
            update(OutboxMessage)
            .where(OutboxMessage.id == id_)
            .values(attempts=OutboxMessage.attempts + 1, due_at=func.now() + lease)
            .returning(OutboxMessage)
        )
        return begun

    async def postpone(self, id_: UUID, *, delay: timedelta) -> None:
        await self._session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == id_)
            .values(due_at=func.now() + delay)
        )

    async def remove(self, id_: UUID) -> None:
        await self._session.execute(
            delete(OutboxMessage).where(OutboxMessage.id == id_)
        )
