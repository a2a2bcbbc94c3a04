"""The outbox: what a transaction leaves behind for the relay, in its own commit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from app.platform.outbox.models import InboxMessage, OutboxMessage

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
        """Take what is due, also from an attempt whose lease is over."""
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
            .values(
                due_at=func.now() + lease,
                sent=True,
                attempt_id=None,
                crashes=_crashes(),
            )
            .returning(OutboxMessage.id, OutboxMessage.due_at)
        )
        rows = claimed.all()
        until = rows[0].due_at if rows else None
        return Claim([row.id for row in rows], until)

    async def extend(self, claim: Claim, *, lease: timedelta) -> None:
        """Move the lease of the messages that no worker has begun since."""
        await self._session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.id.in_(claim.ids),
                OutboxMessage.due_at == claim.until,
                OutboxMessage.attempt_id.is_(None),
            )
            .values(due_at=func.now() + lease)
        )

    async def begin(self, id_: UUID, *, lease: timedelta) -> OutboxMessage | None:
        """
        Hold a message for an attempt; none if another has it or it is not due.

        The attempt is counted before it is made, so that one which kills still counts.
        Any copy of a sent message may begin it, and not only the newest: else a backlog
        that outlasts the lease would be sent again for ever.
        """
        free = and_(OutboxMessage.sent, OutboxMessage.attempt_id.is_(None))
        handled = exists().where(InboxMessage.id == id_)
        begun: OutboxMessage | None = await self._session.scalar(
            update(OutboxMessage)
            .where(
                OutboxMessage.id == id_,
                free | (OutboxMessage.due_at <= func.now()),
                ~handled,
            )
            .values(
                attempts=OutboxMessage.attempts + 1,
                attempt_id=uuid7(),
                crashes=_crashes(),
                first_attempt_at=func.coalesce(
                    OutboxMessage.first_attempt_at, func.now()
                ),
                sent=True,
                due_at=func.now() + lease,
            )
            .returning(OutboxMessage)
        )
        return begun

    async def postpone(self, message: OutboxMessage, *, delay: timedelta) -> bool:
        """Let an attempt be followed by another; false if the message is not its."""
        return await self._release(message, delay, crashes=0)

    async def give_back(self, message: OutboxMessage, *, delay: timedelta) -> bool:
        """Undo what `begin` has counted: there was no attempt."""
        first = case((OutboxMessage.attempts > 1, OutboxMessage.first_attempt_at))
        return await self._release(
            message, delay, attempts=OutboxMessage.attempts - 1, first_attempt_at=first
        )

    async def find(self, id_: UUID) -> OutboxMessage | None:
        return await self._session.get(OutboxMessage, id_)

    async def remove(self, id_: UUID) -> None:
        """End a message whose effect is in this transaction, whoever holds it."""
        await self._session.execute(
            delete(OutboxMessage).where(OutboxMessage.id == id_)
        )

    async def withdraw(self, message: OutboxMessage) -> bool:
        """End a message without its effect; false if it is another attempt's."""
        ended = delete(OutboxMessage).where(_mine(message)).returning(OutboxMessage.id)
        return await self._session.scalar(ended) is not None

    async def _release(
        self, message: OutboxMessage, delay: timedelta, **values: Any
    ) -> bool:
        released = await self._session.scalar(
            update(OutboxMessage)
            .where(_mine(message))
            .values(attempt_id=None, sent=False, due_at=func.now() + delay, **values)
            .returning(OutboxMessage.id)
        )
        return released is not None


def _mine(message: OutboxMessage) -> ColumnElement[bool]:
    return and_(
        OutboxMessage.id == message.id, OutboxMessage.attempt_id == message.attempt_id
    )


def _crashes() -> ColumnElement[int]:
    """Count the attempt that is taken from whoever held it."""
    lost = case((OutboxMessage.attempt_id.is_(None), 0), else_=1)
    return OutboxMessage.crashes + lost
