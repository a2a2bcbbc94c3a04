"""Where poison messages wait for a person, out of everybody's way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.database.postgresql import from_now, take_and_delete, upsert
from app.platform.outbox.models import (
    MAX_ERROR,
    OutboxMessage,
    QuarantinedMessage,
    said,
)
from app.platform.outbox.outbox import Outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Messages that have all of this in common; of nothing, all of them."""

    id: UUID | None = None
    task: str | None = None
    reason: str | None = None
    older_than: timedelta | None = None
    until: datetime | None = None

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        message = QuarantinedMessage
        if self.id is not None:
            yield message.id == self.id
        if self.task is not None:
            yield message.name == self.task
        if self.reason is not None:
            yield message.error.icontains(self.reason, autoescape=True)
        if self.older_than is not None:
            yield message.quarantined_at < from_now(-self.older_than)
        if self.until is not None:
            yield message.quarantined_at <= self.until


class Quarantine:
    """The messages that failed for too long."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def confine(self, message: OutboxMessage, *, error: str) -> bool:
        """Move a message out of the outbox; false if it is another attempt's."""
        if not await Outbox(self._session).withdraw(message):
            return False
        row = {
            **said(message),
            "attempts": message.attempts,
            "error": error[:MAX_ERROR],
            "created_at": message.created_at,
            "quarantined_at": func.now(),
        }
        # A tick that is staged again has the same id, and the latest error counts.
        again = ["attempts", "error", "quarantined_at"]
        await self._session.execute(upsert(QuarantinedMessage, row, change=again))
        return True

    async def count(self, selection: Selection) -> tuple[int, datetime]:
        """Tell how many there are, and the moment at which that is so."""
        query = select(func.count(QuarantinedMessage.id), func.now())
        counted = await self._session.execute(query.where(*selection.conditions()))
        number, now = counted.one()
        return number, now

    async def list_of(
        self, selection: Selection, *, limit: int
    ) -> Sequence[QuarantinedMessage]:
        query = select(QuarantinedMessage).where(*selection.conditions())
        oldest = query.order_by(QuarantinedMessage.quarantined_at).limit(limit)
        return (await self._session.scalars(oldest)).all()

    async def release(self, selection: Selection, *, limit: int) -> int:
        """Give some of the oldest their attempts again, from the first."""
        gone = await self._take(selection, limit=limit)
        await Outbox(self._session).put(gone)
        return len(gone)

    async def discard(self, selection: Selection, *, limit: int) -> int:
        return len(await self._take(selection, limit=limit))

    async def _take(
        self, selection: Selection, *, limit: int
    ) -> Sequence[QuarantinedMessage]:
        """Remove some of the oldest, in a transaction that stays short."""
        some = (
            select(QuarantinedMessage)
            .where(*selection.conditions())
            .order_by(QuarantinedMessage.quarantined_at)
            .limit(limit)
        )
        taken = await take_and_delete(self._session, some, QuarantinedMessage)
        return [message for (message,) in taken]
