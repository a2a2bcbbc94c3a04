"""The connection pool, from the first connection to the last, and its sessions."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Executable, Row, Select, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.pool import NullPool

from app.platform.database.model import LIVING, forgetful
from app.platform.database.postgresql import code_of, connector, role_timeouts
from app.platform.database.settings import DatabaseSettings, described


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

    async def rows(
        self, statement: Select[Any], values: Mapping[str, Any]
    ) -> Sequence[Row[Any]]:
        """
        Ask for columns, without what a session does to keep track of objects.

        That takes longer than the question. Deleted rows are for the statement to hide.
        """
        return await self.run_sync(_rows, statement, values)


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


@asynccontextmanager
async def ending[S: AsyncSession](session: S) -> AsyncIterator[S]:
    """Close a session for good: whoever uses it afterwards hears of it."""
    try:
        yield session
    finally:
        if session.in_transaction():
            # Not even whoever cancels this keeps the connection.
            await asyncio.shield(asyncio.create_task(session.close()))
        else:
            session.sync_session.close()
        session.info[_OVER] = True


def _rows(
    session: Session, statement: Select[Any], values: Mapping[str, Any]
) -> Sequence[Row[Any]]:
    _refuse_ended(session)
    if session.in_transaction():
        # Who holds a connection and waits for another may wait for ever.
        return session.connection().execute(statement, values).all()
    engine = session.get_bind().engine
    with engine.connect() as connection:
        return connection.execute(statement, values).all()


def _hide_deleted(state: ORMExecuteState) -> None:
    """Deleted rows are invisible unless asked for: `include_deleted=True`."""
    _refuse_ended(state.session)
    looks = state.is_select and not state.is_column_load
    if state.execution_options.get("include_deleted"):
        return
    if tables := forgetful(state.statement):
        raise RuntimeError(_FORGETFUL.format(tables=tables))
    if looks or state.is_update or state.is_delete:
        state.statement = _living(state.statement)


def _refuse_ended(session: Session) -> None:
    if session.info.get(_OVER):
        raise RuntimeError(_ENDED)


def _living(statement: Executable) -> Executable:
    """Give a query that is asked again its condition once."""
    if (living := _ASKED.get(statement)) is None:
        living = _ASKED[statement] = statement.options(LIVING)
    return living


# The class of errors about values, in every database of the SQL standard.
_DATA = "22"
# What the driver or a type of SQLAlchemy raises.
_NOT_ENCODED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)
_ENDED = "This session has ended; a streamed body takes StreamSessionDep."
_OVER = "over"
_FORGETFUL = (
    "This SQL takes the deleted rows of {tables} along: ask for deleted_at IS NULL,"
    " or say include_deleted=True."
)
_ASKED = WeakKeyDictionary[Executable, Executable]()
event.listen(LivingSession, "do_orm_execute", _hide_deleted)
