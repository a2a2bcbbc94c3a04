"""Where poison messages wait for a person, out of everybody's way."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.errors import NotFound
from app.platform.outbox.models import OutboxMessage, QuarantinedMessage
from app.platform.outbox.outbox import Outbox


class Quarantine:
    """The messages that failed too often."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def confine(self, message: OutboxMessage, *, error: str) -> None:
        """Move a message out of the outbox."""
        self._session.add(
            QuarantinedMessage(
                id=message.id,
                task=message.task,
                payload=message.payload,
                context=message.context,
                attempts=message.attempts,
                error=error,
                created_at=message.created_at,
            )
        )
        await Outbox(self._session).remove(message.id)

    async def list_of(self, *, limit: int) -> Sequence[QuarantinedMessage]:
        query = select(QuarantinedMessage).order_by(QuarantinedMessage.quarantined_at)
        return (await self._session.scalars(query.limit(limit))).all()

    async def release(self, id_: UUID) -> None:
        """Give a message its attempts again, from the first."""
        gone = await self.discard(id_)
        message = OutboxMessage(
            id=gone.id, task=gone.task, payload=gone.payload, context=gone.context
        )
        await Outbox(self._session).put([message])

    async def discard(self, id_: UUID) -> QuarantinedMessage:
        gone: QuarantinedMessage | None = await self._session.scalar(
            delete(QuarantinedMessage)
            .where(QuarantinedMessage.id == id_)
            .returning(QuarantinedMessage)
        )
        if gone is None:
            raise NotFound(f"There is no message {id_} in quarantine.")
        return gone
