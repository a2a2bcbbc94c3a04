"""The connection pool, from the first connection to the last, and its sessions."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Executable, Row, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool
from sqlalchemy.util import await_only
from sqlalchemy.util.queue import AsyncAdaptedQueue, Empty, Full

from app.platform.database.model import Base, hiding
from app.platform.database.postgresql import code_of, connector, role_timeouts
from app.platform.database.settings import DatabaseSettings, described

type Values = Mapping[str, Any] | list[dict[str, Any]]


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
    settings: DatabaseSettings, url: str, **server_settings: str
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
    settings: DatabaseSettings, url: str, limits: dict[str, Any], **options: Any
) -> AsyncEngine:
    engine = create_async_engine(
        described(url),
        # Values do not belong into logs.
        hide_parameters=True,
        connect_args={
            "async_creator_fn": connector(settings, url, limits=limits),
            "prepared_statement_cache_size": settings.prepared_statements,
        },
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", _hide_values)
    return engine


def _hide_values(failure: ExceptionContext) -> None:
    """
    Take out of every error what may be a customer's value, before anybody logs it.

    What remains: the kind of the error, the constraint, the column, the SQL.
    """
    original = failure.original_exception
    encoded = not isinstance(original, _NOT_ENCODED)
    about_a_value = not encoded or code_of(original).startswith(_DATA)
    for error in (failure.sqlalchemy_exception, *_causes(original)):
        if error is not None:
            _shorten(error, about_a_value=about_a_value)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _shorten(error: Any, *, about_a_value: bool) -> None:
    if hasattr(error, "sqlstate"):
        error.detail = None
    said = error.args[0] if error.args else None
    if isinstance(error, LookupError):
        # It may be the value itself, without quotes.
        said = repr(said)
    if isinstance(said, str):
        said, _, _ = said.partition("\nDETAIL:")
        error.args = (_without_value(said) if about_a_value else said,)


def _without_value(message: str) -> str:
    """Cut where the server and the driver begin to quote."""
    head, colon, _ = message.partition(": ")
    return _QUOTED.sub("'...'", head + colon).rstrip(": ")


class LivingSession(Session):
    """A session that does not see what is deleted."""


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


async def rows(
    session: AsyncSession, statement: Executable, values: Values
) -> Sequence[Row[Any]]:
    """
    Have a statement of tables and columns run, and none of a session's bookkeeping.

    That takes longer than many a statement. Deleted rows are for the statement to hide.
    """
    # Who holds a connection and waits for another may wait for ever.
    is_free = isinstance(session, ReadSession) and not session.in_transaction()
    return await session.run_sync(_look if is_free else _run, statement, values)


def _look(session: Session, statement: Executable, values: Values) -> Any:
    _refuse_ended(session)
    with session.get_bind().engine.connect() as connection:
        return connection.execute(statement, values).all()


def _run(session: Session, statement: Executable, values: Values) -> Any:
    _refuse_ended(session)
    session.flush()
    if isinstance(values, list) and len(values) == 1:
        # One row of many takes a longer way than one row.
        [values] = values
    return session.connection().execute(statement, values).all()


def _hide_deleted(state: ORMExecuteState) -> None:
    """Add what keeps deleted rows away, and those of other owners."""
    _refuse_ended(state.session)
    looks = state.is_select and not state.is_column_load
    includes = state.execution_options.get("include_deleted")
    if not includes and (tables := _forgetful(state.statement)):
        raise RuntimeError(_FORGETFUL.format(tables=tables))
    if looks or state.is_update or state.is_delete:
        state.statement = _seen(state.statement, hiding(state.execution_options))


def _forgetful(statement: Any) -> str | None:
    """Name the tables that SQL as text reads without a word on deleted rows."""
    said = getattr(getattr(statement, "element", statement), "text", None)
    return _tables_of(said) if isinstance(said, str) else None


@lru_cache(maxsize=2048)
def _tables_of(statement: str) -> str | None:
    known = Base.metadata.tables
    read = [name for name in _READ.findall(statement) if name in known]
    kept = [name for name in read if "deleted_at" in known[name].columns]
    return " or ".join(kept) if len(kept) > statement.count("deleted_at") else None


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


# The class of errors about values, in every database of the SQL standard.
_DATA = "22"
# What the driver or a type of SQLAlchemy raises.
_NOT_ENCODED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)
_READ = re.compile(r'(?<!DELETE )\b(?:FROM|JOIN)\s+"?(\w+)', re.IGNORECASE)
_ENDED = "This session has ended; a streamed body takes StreamSessionDep."
_OVER = "over"
_FORGETFUL = (
    "This SQL takes the deleted rows of {tables} along: ask for deleted_at IS NULL,"
    " or say include_deleted=True."
)
_ASKED = WeakKeyDictionary[Executable, dict[tuple[ORMOption, ...], Executable]]()
event.listen(LivingSession, "do_orm_execute", _hide_deleted)
