"""The inbox: what has been handled, so that nothing is handled twice."""

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.outbox.models import InboxMessage


class Inbox:
    """The messages that have had their effect."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def accept(self, id_: UUID, *, task: str) -> bool:
        """
        Enter a message in the transaction of its effect; false if it is there already.

        Done last, just before the commit: a task that calls others first holds no
        transaction meanwhile. While another attempt commits, this waits for it.
        """
        entered = await self._session.scalar(
            insert(InboxMessage)
            .values(id=id_, task=task)
            .on_conflict_do_nothing()
            .returning(InboxMessage.id)
        )
        return entered is not None

    async def knows(self, id_: UUID) -> bool:
        return await self._session.get(InboxMessage, id_) is not None
