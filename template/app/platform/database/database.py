"""Who hands out transactions and reads, and over which connections."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Self

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from app.platform.database.engine import create_pool
from app.platform.database.postgresql import follows_a_refusal, let_idle
from app.platform.database.session import reading_sessions, writing_sessions
from app.platform.database.settings import DatabaseSettings
from app.platform.database.unit_of_work import Stage, UnitEnded, UnitOfWork

# The server refuses what a statement's text does not show: a function that writes.
READ_ONLY = {"default_transaction_read_only": "on"}

IDLE_MARGIN = timedelta(seconds=5)


class Database:
    """Hands out units of work and read sessions."""

    def __init__(
        self,
        primary: AsyncEngine,
        replica: AsyncEngine,
        *,
        watch: AsyncEngine,
        stage: Stage,
    ) -> None:
        self.stage = stage
        self.pools = (primary,) if replica is primary else (primary, replica)
        self._writing = writing_sessions(primary)
        self._reading = reading_sessions(replica)
        self._watching = watch.execution_options(isolation_level="AUTOCOMMIT")

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
                replica = create_pool(
                    settings, settings.replica_url.get_secret_value(), READ_ONLY
                )
                stack.push_async_callback(replica.dispose)
            # Whoever looks after the primary does not queue behind its users.
            one = settings.model_copy(update={"pool_size": 1, "pool_overflow": 0})
            watch = create_pool(one, settings.url.get_secret_value())
            stack.push_async_callback(watch.dispose)
            yield cls(primary, replica, watch=watch, stage=stage)

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
            try:
                yield unit
                await unit.commit()
            except PendingRollbackError as error:
                raise UnitEnded from error
            except DBAPIError as error:
                if follows_a_refusal(error):
                    raise UnitEnded from error
                raise

    @asynccontextmanager
    async def read_session(self) -> AsyncIterator[AsyncSession]:
        """
        Read without a transaction, from the replica when there is one.

        Each statement sees what is committed by then; two statements may see
        different states. One that changes something is refused. A connection is taken
        only when a statement needs it.
        """
        async with self._reading() as session:
            yield session

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[AsyncConnection]:
        """Look at the primary over the one connection that no request may take."""
        async with self._watching.connect() as connection:
            yield connection

    async def check(self) -> None:
        """Raise when the primary cannot answer a query."""
        async with self.watching() as connection:
            await connection.execute(text("SELECT 1"))
