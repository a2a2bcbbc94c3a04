"""Who hands out transactions and reads, and over which connections."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.platform.database.engine import create_pool
from app.platform.database.postgresql import let_idle
from app.platform.database.session import ReadingSession, WritingSession, sessions
from app.platform.database.settings import DatabaseSettings
from app.platform.database.unit_of_work import Stage, UnitOfWork

IDLE_MARGIN = timedelta(seconds=5)


class Database:
    """Hands out units of work and read sessions."""

    def __init__(
        self, primary: AsyncEngine, replica: AsyncEngine, *, stage: Stage
    ) -> None:
        self.stage = stage
        self.pools = (primary,) if replica is primary else (primary, replica)
        self._writing = sessions(primary, WritingSession)
        # One round trip for a read: no BEGIN before it and no ROLLBACK behind it.
        autocommit = replica.execution_options(isolation_level="AUTOCOMMIT")
        self._reading = sessions(autocommit, ReadingSession)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: DatabaseSettings, *, stage: Stage
    ) -> AsyncIterator[Self]:
        """Prepare the pools. The first connection is made by whoever needs it."""
        async with AsyncExitStack() as stack:
            primary = create_pool(settings, settings.url.get_secret_value())
            stack.push_async_callback(primary.dispose)
            replica = primary
            if settings.replica_url is not None:
                replica = create_pool(settings, settings.replica_url.get_secret_value())
                stack.push_async_callback(replica.dispose)
            yield cls(primary, replica, stage=stage)

    @asynccontextmanager
    async def unit_of_work(
        self, *, may_idle: timedelta | None = None
    ) -> AsyncIterator[UnitOfWork]:
        """
        Commit if the body returns; roll back if it raises.

        The first statement begins the transaction. `may_idle` is for work that waits
        for others in it longer than a request may.
        """
        async with self._writing() as session:
            if may_idle is not None:
                let_idle(session, may_idle + IDLE_MARGIN)
            unit = UnitOfWork(session, self.stage)
            yield unit
            await unit.commit()

    @asynccontextmanager
    async def read_session(self) -> AsyncIterator[AsyncSession]:
        """
        Read without a transaction, from the replica when there is one.

        Each statement sees what is committed by then; two statements may see
        different states. A connection is taken only when a statement needs it.
        """
        async with self._reading() as session:
            yield session

    async def check(self) -> None:
        """Raise when the primary cannot answer a query."""
        async with self._writing() as session:
            await session.execute(text("SELECT 1"))
