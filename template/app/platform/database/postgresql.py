"""What only PostgreSQL can do, in one place."""

import asyncio
import re
import string
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Text,
    event,
    func,
    inspect,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, Session, SessionTransaction

from app.platform.database.model import Model
from app.platform.database.settings import DatabaseSettings, read_url

type Connect = Callable[..., Awaitable[asyncpg.Connection]]
type _Text = ColumnElement[Any] | InstrumentedAttribute[Any]


def connector(
    settings: DatabaseSettings, url: str, *, limits: dict[str, Any] | None = None
) -> Connect:
    """
    Give the one way into PostgreSQL: of the pool, of migrations, and of who listens.

    The URL is read for each connection: a password that changes would change here.
    """

    async def connect(*_: object, **__: object) -> asyncpg.Connection:
        arguments = read_url(url)
        given = limits or {}
        arguments["server_settings"] |= given.get("server_settings", {})
        timeout = settings.connect_timeout_seconds
        return await asyncpg.connect(**{"timeout": timeout, **given, **arguments})

    return connect


def role_timeouts(settings: DatabaseSettings) -> dict[str, str]:
    """
    Time limits that the server itself enforces, whatever becomes of the client.

    PgBouncer must list these three in `ignore_startup_parameters` or have them set on
    the role.
    """
    limits = {
        "statement_timeout": settings.statement_timeout_seconds,
        "lock_timeout": settings.lock_timeout_seconds,
        "idle_in_transaction_session_timeout": (
            settings.idle_in_transaction_timeout_seconds
        ),
    }
    return {name: f"{limit * 1000:.0f}" for name, limit in limits.items()}


def unique_among_living(*columns: str) -> Index:
    """Make a value unique among the rows that are not deleted."""
    return Index(None, *columns, unique=True, postgresql_where=text(_LIVING))


def words_index(name: str, *columns: str) -> Index:
    """Find rows by the words in these columns: for `has_words`."""
    named = (literal_column(f'"{column}"', Text) for column in columns)
    return Index(name, _words_of(*named), postgresql_using="gin")


def has_words(question: str, *columns: _Text) -> ColumnElement[bool]:
    """Ask for rows in which each word of the question, or its beginning, occurs."""
    words = [f"{word}:*" for word in _WORD.findall(question)]
    asked = func.to_tsquery(_DICTIONARY, " & ".join(words))
    return _words_of(*columns).op("@@", is_comparison=True)(asked)


async def insert_unless_there[M: Model](
    session: AsyncSession, row: M, unique: Sequence[str]
) -> M | None:
    """Insert a row, or return nothing if a living one has the same unique values."""
    keys = [attribute.key for attribute in inspect(type(row)).column_attrs]
    values = {key: value for key in keys if (value := getattr(row, key)) is not None}
    statement = insert(type(row)).values(values)
    statement = statement.on_conflict_do_nothing(
        index_elements=unique, index_where=text(_LIVING)
    )
    added: M | None = await session.scalar(statement.returning(type(row)))
    return added


def constraint_of(error: IntegrityError) -> str | None:
    """Name the constraint or unique index that refused a statement."""
    name: str | None = getattr(error.driver_exception, "constraint_name", None)
    return name


def follows_a_refusal(error: DBAPIError) -> bool:
    """Tell whether the transaction had been aborted by an earlier statement."""
    return getattr(error.orig, "sqlstate", None) == _ABORTED


def hide_values(engine: AsyncEngine) -> None:
    """
    Take out of every error what may be a customer's value, before anybody logs it.

    What remains: the kind of the error, the constraint, the column, the SQL.
    """
    event.listen(engine.sync_engine, "handle_error", _hide_values)


def _hide_values(failure: ExceptionContext) -> None:
    original = failure.original_exception
    sqlstate = getattr(original, "sqlstate", None) or ""
    about_a_value = sqlstate.startswith(_DATA) or isinstance(original, _NOT_ENCODED)
    for error in (failure.sqlalchemy_exception, *_causes(original)):
        if isinstance(error, asyncpg.PostgresError):
            error.detail = None
        if error is not None:
            _shorten(error, about_a_value=about_a_value)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _shorten(error: BaseException, *, about_a_value: bool) -> None:
    said = error.args[0] if error.args else None
    if isinstance(error, LookupError):
        # It may be the value itself, without quotes.
        said = repr(said)
    if isinstance(said, str):
        said, _, _ = said.partition("\nDETAIL:")
        error.args = (_without_value(said) if about_a_value else said,)


def _without_value(message: str) -> str:
    """Cut where PostgreSQL and the driver begin to quote."""
    head, colon, _ = message.partition(": ")
    return _QUOTED.sub("'...'", head + colon).rstrip(": ")


def waited_for_a_lock(error: DBAPIError) -> bool:
    """Tell a statement that `lock_timeout` ended from one that failed."""
    return isinstance(error.driver_exception, asyncpg.LockNotAvailableError)


def let_idle(session: AsyncSession, limit: timedelta) -> None:
    """Let its transactions do nothing for so long, said when one begins."""
    milliseconds = limit // timedelta(milliseconds=1)
    statement = f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}"

    def say(_: Session, __: SessionTransaction, connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    event.listen(session.sync_session, "after_begin", say)


async def try_lock(session: AsyncSession, name: str) -> bool:
    """Take a lock that ends with the transaction, or say at once that it is taken."""
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0))
    return bool(await session.scalar(select(lock)))


@asynccontextmanager
async def session_lock(connection: AsyncConnection, name: str) -> AsyncIterator[None]:
    """Wait for a lock that outlives transactions. Needs a session of its own."""
    key = func.hashtextextended(name, 0)
    await connection.execute(select(func.pg_advisory_lock(key)))
    await connection.commit()
    try:
        yield
    finally:
        await connection.rollback()
        await connection.execute(select(func.pg_advisory_unlock(key)))
        await connection.commit()


@asynccontextmanager
async def listening(
    settings: DatabaseSettings, channel: str, hear: Callable[[], None]
) -> AsyncIterator[asyncio.Event]:
    """
    Call `hear` for each notification, on a connection of its own.

    Yields an event that is set when the connection is lost.
    """
    lost = asyncio.Event()
    connection = await connector(settings, settings.session_url)()
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, lambda *_: hear())
        yield lost
    finally:
        await connection.close(timeout=settings.connect_timeout_seconds)


def _words_of(*columns: _Text) -> ColumnElement[Any]:
    """Spell it as PostgreSQL does, so that Alembic sees that the two are the same."""
    words: ColumnElement[str] = func.coalesce(columns[0], _NOTHING)
    for column in columns[1:]:
        words = words.op("||")(_SPACE).op("||")(func.coalesce(column, _NOTHING))
    spaced = func.regexp_replace(words, _PUNCTUATION, _SPACE, _EVERYWHERE)
    return func.to_tsvector(_DICTIONARY, spaced)


_ABORTED = "25P02"
# Class 22 of PostgreSQL's errors; what the driver or a type of SQLAlchemy raises.
_DATA = "22"
_NOT_ENCODED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)
_LIVING = "deleted_at IS NULL"
# Words as they are: of no language, so of any.
_DICTIONARY = literal_column("'simple'", Text)
_PUNCTUATION = literal_column("'[[:punct:]]+'", Text)
_EVERYWHERE = literal_column("'g'", Text)
_SPACE = literal_column("' '", Text)
_NOTHING = literal_column("''", Text)
# Without punctuation, which PostgreSQL would read as signs, paths and addresses.
_WORD = re.compile(rf"[^\s{re.escape(string.punctuation)}]+")
