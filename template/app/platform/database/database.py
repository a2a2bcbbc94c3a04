"""Who hands out transactions and reads, over which connections, and who cleans up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self

import structlog
from sqlalchemy import event, inspect, literal, select
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.platform.database.engine import Ending, ReadSession, create_pool, sessions
from app.platform.database.postgresql import (
    SNAPSHOT,
    classify,
    from_now,
    let_idle,
    take_and_delete,
)
from app.platform.database.postgresql_text import (
    Write,
    changes_something,
    insertion,
    store_as_one,
)
from app.platform.database.settings import DatabaseSettings
from app.platform.events import Event

log = structlog.get_logger(__name__)

IDLE_MARGIN = timedelta(seconds=5)
PURGE_BATCH = 1000
# Less than a task may take by default, by more than the last statement may.
PURGE_SECONDS = 20.0


def _refuse_to_change(_: Any, __: Any, statement: str, *___: Any) -> None:
    if changes_something(statement):
        _refuse_to_flush()


def _readers(engine: AsyncEngine) -> async_sessionmaker[ReadSession]:
    # One round trip for a read: no BEGIN before it and no ROLLBACK behind it.
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(autocommit.sync_engine, "before_cursor_execute", _refuse_to_change)
    return sessions(autocommit, ReadSession)


def _refuse_to_flush(*_: Any) -> None:
    raise RuntimeError("A read session does not write: use a unit of work.")


class UnitEnded(RuntimeError):
    """It went on after a statement was refused, which had rolled everything back."""

    def __init__(self) -> None:
        super().__init__(
            "A refused statement has ended this unit of work. To go on after a refusal,"
            " use unit.savepoint() or the repository's get_or_add()."
        )


class UnitOfWork:
    """One transaction, and what is to be done if, and only if, it commits."""

    def __init__(self, session: AsyncSession, stage: "Stage") -> None:
        self.session = session
        self._stage = stage
        self._events: list[Event] = []
        self._writes: list[tuple[Write, Callable[[int], None]]] = []
        self._actions: list[Callable[[], Awaitable[Any]]] = []

    def record(self, event: Event) -> None:
        """Announce the event once what it reports is true."""
        self._events.append(event)

    def after_commit[**P](
        self, action: Callable[P, Awaitable[Any]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Do something outside the database, at most once, when the work is done."""
        self._actions.append(partial(action, *args, **kwargs))

    def write_last(
        self, write: Write, *, judge: Callable[[int], None] = lambda _: None
    ) -> None:
        """Insert when the unit commits; `judge` is told how many rows were stored."""
        self._writes.append((write, judge))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """
        Take back only this block when it raises, so that the unit can go on.

        Costs two statements. What the block announced is taken back with it.
        """
        events, actions = len(self._events), len(self._actions)
        try:
            async with self.session.begin_nested():
                yield
        except BaseException:
            del self._events[events:], self._actions[actions:]
            raise

    async def commit(self) -> None:
        events, self._events = self._events, []
        await self._stage(self, events)
        writes, self._writes = self._writes, []
        stored = await self.session.run_sync(_write, [write for write, _ in writes])
        for (_, judge), number in zip(writes, stored, strict=True):
            judge(number)
        await self.session.commit()
        await self._act()

    async def _act(self) -> None:
        actions, self._actions = self._actions, []
        for action in actions:
            try:
                await action()
            except Exception:
                # The work is done and the caller must hear so. What must not be
                # lost is an event, which is kept by the queue that stages it.
                log.exception("after_commit.failed")


def _write(session: Any, writes: Sequence[Write]) -> list[int]:
    """Send it all in one statement, with the row that waits; count what each stored."""
    waiting = session.waiting if writes else None
    values = session.values_of(waiting[0]) if waiting else None
    if waiting is None or values is None:
        session.flush()
        return store_as_one(session.connection(), writes) if writes else []
    (row, judging), session.waiting = waiting, None
    with judging():
        row_of = insertion(type(row), [values])
        _, *stored = store_as_one(session.connection(), [row_of, *writes])
    session._register_persistent({inspect(row)})  # noqa: SLF001
    return stored


type Stage = Callable[[UnitOfWork, Sequence[Event]], Awaitable[None]]


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
        self._writing = sessions(primary, AsyncSession)
        self._reading = _readers(replica)
        own = replica is not primary
        self._reading_primary = _readers(primary) if own else self._reading
        self._streaming = sessions(replica.execution_options(**SNAPSHOT), AsyncSession)
        self._watching = watch.execution_options(isolation_level="AUTOCOMMIT")

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: DatabaseSettings, *, stage: Stage
    ) -> AsyncIterator[Self]:
        """Prepare the pools. The first connection is made by whoever needs it."""
        async with AsyncExitStack() as stack:
            primary = create_pool(settings, settings.url)
            stack.push_async_callback(primary.dispose)
            replica = primary
            if settings.replica_url is not None:
                # It refuses what a statement does not show: a function that writes.
                replica = create_pool(
                    settings,
                    settings.replica_url,
                    default_transaction_read_only="on",
                )
                stack.push_async_callback(replica.dispose)
            # Whoever looks after the primary does not queue behind its users.
            one = settings.model_copy(update={"pool_size": 1, "pool_overflow": 0})
            watch = create_pool(one, settings.url)
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
        async with Ending(self._writing()) as session:
            if may_idle is not None:
                let_idle(session, may_idle + IDLE_MARGIN)
            unit = UnitOfWork(session, self.stage)
            try:
                yield unit
                await unit.commit()
            except PendingRollbackError as error:
                raise UnitEnded from error
            except DBAPIError as error:
                if classify(error) == "aborted":
                    raise UnitEnded from error
                raise

    def read_session(self) -> AbstractAsyncContextManager[ReadSession]:
        """
        Read without a transaction, from the replica when there is one.

        Each statement sees what is committed by then; two statements may see
        different states. One that changes something is refused. A connection is taken
        only when a statement needs it.
        """
        return Ending(self._reading())

    def primary_session(self) -> AbstractAsyncContextManager[ReadSession]:
        """Read likewise what must not be missed: a replica is a little behind."""
        return Ending(self._reading_primary())

    @asynccontextmanager
    async def streaming(self, *, may_idle: timedelta) -> AsyncIterator[AsyncSession]:
        """
        Read as much as nobody wants in memory: `await session.stream(select(...))`.

        All statements see the same state, in a transaction that only reads. It holds
        a connection of the pool; the server ends it when the reader of the rows pauses
        for longer than `may_idle`.
        """
        async with Ending(self._streaming()) as session:
            event.listen(session.sync_session, "before_flush", _refuse_to_flush)
            let_idle(session, may_idle)
            yield session

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[AsyncConnection]:
        """Look at the primary over the one connection that no request may take."""
        async with self._watching.connect() as connection:
            yield connection

    async def check(self) -> None:
        """Raise when the primary cannot answer a query."""
        async with self.watching() as connection:
            await connection.execute(select(literal(1)))


async def purge(
    database: Database,
    column: InstrumentedAttribute[datetime],
    *,
    older_than: timedelta = timedelta(0),
    batch: int = PURGE_BATCH,
    within_seconds: float = PURGE_SECONDS,
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
