"""The connection pool, from the first connection to the last, and its sessions."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from types import NoneType
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic import SecretStr
from sqlalchemy import ClauseElement, DefaultClause, Executable, event, inspect
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool
from sqlalchemy.sql.functions import now as current
from sqlalchemy.types import TypeDecorator
from sqlalchemy.util import await_only, greenlet_spawn
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty, Full

from app.platform.database.driver import Rows, Values, look, run
from app.platform.database.model import Base, count_links, hiding
from app.platform.database.postgresql import connector, replacing, role_timeouts
from app.platform.database.postgresql_text import forgetful, hide_values
from app.platform.database.settings import DatabaseSettings, described

type Judging = Callable[[], AbstractContextManager[None]]


class FairQueue(AsyncAdaptedQueue[Any]):
    """
    Hands out connections in the order in which they are asked for.

    SQLAlchemy's own gives one that has just come back to whoever asks next, before
    those who wait: on a busy service some wait until their time is up. And it closes
    one beyond those that are kept even then, only to open another.
    """

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        super().__init__(maxsize, use_lifo)
        self._queue = asyncio.LifoQueue[Any]() if use_lifo else asyncio.Queue[Any]()
        self._turns = asyncio.Lock()
        self._waiting = 0

    def put_nowait(self, item: Any) -> None:
        if self._queue.qsize() >= self.maxsize and not self._waiting:
            raise Full
        self._queue.put_nowait(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if not self._waiting and not self.empty():
            return self.get_nowait()
        if not block:
            raise Empty
        try:
            return await_only(asyncio.wait_for(self._next(), timeout))
        except TimeoutError as error:
            raise Empty from error

    async def _next(self) -> Any:
        self._waiting += 1
        try:
            async with self._turns:
                return await self._queue.get()
        finally:
            self._waiting -= 1


class FairPool(AsyncAdaptedQueuePool):
    # What it logs is of SQLAlchemy, which says less than we do.
    __module__ = AsyncAdaptedQueuePool.__module__
    _queue_class = FairQueue


def create_pool(
    settings: DatabaseSettings, url: SecretStr, **server_settings: str
) -> AsyncEngine:
    """
    Bound everything: connections, the wait for one, and each statement.

    No ping before use: it would double the round trips of a read. A connection that
    turns out dead empties the pool instead, and the request is told to come back.
    """
    limits = {
        "command_timeout": settings.command_timeout_seconds,
        "statement_cache_size": settings.prepared_statements,
        "server_settings": role_timeouts(settings) | server_settings,
    }
    return _create(
        settings,
        url,
        limits,
        poolclass=FairPool,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=settings.checkout_timeout_seconds,
        pool_recycle=settings.recycle_after_seconds,
        pool_use_lifo=True,
    )


def create_session_engine(settings: DatabaseSettings) -> AsyncEngine:
    """One connection past any pooler, without time limits: for migrations."""
    return _create(settings, settings.session_url, {}, poolclass=NullPool)


def _create(
    settings: DatabaseSettings, url: SecretStr, limits: dict[str, Any], **options: Any
) -> AsyncEngine:
    engine = create_async_engine(
        described(url.get_secret_value()),
        # Values do not belong into logs.
        hide_parameters=True,
        connect_args={
            "async_creator_fn": connector(settings, url, limits=limits),
            "prepared_statement_cache_size": settings.prepared_statements,
        },
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", hide_values)
    event.listen(engine.sync_engine, "checkout", replacing(url))
    return engine


class LivingSession(Session):
    """A session that does not see what is deleted."""

    # A new row that goes with the next statement, within what judges its refusal.
    waiting: tuple[Base, Judging] | None = None
    _timed: SessionTransaction | None = None
    _now: datetime | None = None

    def know_time(self, now: datetime) -> None:
        """Note what the database calls now for as long as this transaction lasts."""
        self._timed, self._now = self.get_transaction(), now

    def let_wait(self, row: Base, judging: Judging) -> bool:
        """Let a new row go with the next statement, if all of it is known."""
        if (values := self.values_of(row)) is not None:
            self.waiting = row, judging
            for name, value in values.items():
                set_committed_value(row, name, value)
        return values is not None

    def keeps(self, row: Base) -> bool:
        """Tell whether a row waits that the database would give back as it is."""
        if self.waiting is None or self.waiting[0] is not row:
            return False
        values = self.values_of(row)
        types = [column.type for column in inspect(type(row)).columns]
        if values is None or any(isinstance(each, TypeDecorator) for each in types):
            return False
        return all(type(it) in _UNCHANGED or it is self._now for it in values.values())

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        waiting, self.waiting = self.waiting, None
        count_links(self)
        with waiting[1]() if waiting else nullcontext():
            super().flush(objects)

    def values_of(self, row: Base) -> dict[str, Any] | None:
        """Give those of a new row; none if there is more to do than to insert it."""
        if self._now is None or self._timed is not self.get_transaction():
            return None
        listens = self.dispatch.before_flush or self.dispatch.after_flush
        alone = [*self.new] == [row] and not self.dirty and not self.deleted
        is_plain = alone and not listens and not self.in_nested_transaction()
        return _whole(row, self._now) if is_plain else None


def _whole(row: Base, now: datetime) -> dict[str, Any] | None:
    """Give a row's values; none if one is for the database or the ORM to say."""
    mapper, given = inspect(type(row)), inspect(row).dict
    listens = mapper.dispatch.before_insert or mapper.dispatch.after_insert
    linked = [each.key for each in mapper.relationships if not each.viewonly]
    if listens or len(mapper.tables) > 1 or mapper.polymorphic_on is not None:
        return None
    values: dict[str, Any] = {}
    for attribute in mapper.column_attrs:
        column: Any = attribute.columns[0]
        value = given.get(attribute.key)
        if value is None and column.default is not None and column.default.is_scalar:
            value = column.default.arg
        if value is None and isinstance(column.server_default, DefaultClause):
            value = now if isinstance(column.server_default.arg, current) else column
        elif value is None and (column.default or column.type.should_evaluate_none):
            value = column
        if isinstance(value, ClauseElement) or column.key != attribute.key:
            return None
        values[column.key] = value
    return None if any(given.get(each, []) != [] for each in linked) else values


class ReadSession(AsyncSession):
    """A session that only looks."""


def sessions[S: AsyncSession](
    engine: AsyncEngine, kind: type[S]
) -> async_sessionmaker[S]:
    return async_sessionmaker(
        engine,
        class_=kind,
        sync_session_class=LivingSession,
        # An expired attribute would load lazily, which asyncio cannot do.
        expire_on_commit=False,
        # Used again, it would take a connection that nobody gives back.
        close_resets_only=False,
    )


class Ending[S: AsyncSession]:
    """Closes a session for good: whoever uses it afterwards hears of it."""

    def __init__(self, session: S) -> None:
        self._session = session

    async def __aenter__(self) -> S:
        return self._session

    async def __aexit__(self, *_: object) -> None:
        session = self._session
        try:
            if session.in_transaction():
                # Not even whoever cancels this keeps the connection.
                await asyncio.shield(asyncio.create_task(session.close()))
            else:
                session.sync_session.close()
        finally:
            session.info[_OVER] = True


async def rows(session: AsyncSession, statement: Executable, values: Values) -> Rows:
    """
    Have a statement of tables and columns run, and none of a session's bookkeeping.

    That takes longer than many a statement. Deleted rows are for the statement to hide.
    """
    # Who holds a connection and waits for another may wait for ever.
    if not isinstance(session, ReadSession) or session.in_transaction():
        return await session.run_sync(_run, statement, values)
    _refuse_ended(session.sync_session)
    return await greenlet_spawn(look, session.get_bind().engine, statement, values)


def _run(session: Session, statement: Executable, values: Values) -> Rows:
    _refuse_ended(session)
    session.flush()
    return run(session.connection(), statement, values)


def _hide_deleted(state: ORMExecuteState) -> None:
    """Add what keeps deleted rows away, and those of other owners."""
    _refuse_ended(state.session)
    looks = state.is_select and not state.is_column_load
    includes = state.execution_options.get("include_deleted")
    if not includes and (tables := forgetful(state.statement)):
        raise RuntimeError(_FORGETFUL.format(tables=tables))
    if looks or state.is_update or state.is_delete:
        state.statement = _seen(state.statement, hiding(state.execution_options))


def _refuse_ended(session: Session) -> None:
    if session.info.get(_OVER):
        raise RuntimeError(_ENDED)


def _seen(statement: Executable, hidden: tuple[ORMOption, ...]) -> Executable:
    """Give a query that is asked again its conditions once."""
    if not hidden:
        return statement
    known = _ASKED.setdefault(statement, {})
    if (seen := known.get(hidden)) is None:
        seen = known[hidden] = statement.options(*hidden)
    return seen


_UNCHANGED = frozenset({NoneType, bool, int, str, UUID})
_ENDED = "This session has ended; a streamed body takes StreamSessionDep."
_OVER = "over"
_FORGETFUL = (
    "This SQL takes the deleted rows of {tables} along: ask for deleted_at IS NULL,"
    " or say include_deleted=True."
)
_ASKED = WeakKeyDictionary[Executable, dict[tuple[ORMOption, ...], Executable]]()
event.listen(LivingSession, "do_orm_execute", _hide_deleted)
