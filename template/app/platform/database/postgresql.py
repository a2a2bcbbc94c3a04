"""What only PostgreSQL can do, in one place."""

import asyncio
import re
import string
from collections.abc import AsyncIterator, Callable
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
    literal_column,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, Session, SessionTransaction

from app.platform.database.settings import DatabaseSettings

type _Text = ColumnElement[Any] | InstrumentedAttribute[Any]


def role_timeouts(settings: DatabaseSettings) -> dict[str, Any]:
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
    milliseconds = {name: f"{limit * 1000:.0f}" for name, limit in limits.items()}
    return {"server_settings": milliseconds}


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


def constraint_of(error: IntegrityError) -> str | None:
    """Name the constraint or unique index that refused a statement."""
    name: str | None = getattr(error.driver_exception, "constraint_name", None)
    return name


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
    url = make_url(settings.session_url).set(drivername="postgresql")
    connection = await asyncpg.connect(
        url.render_as_string(hide_password=False),
        timeout=settings.connect_timeout_seconds,
    )
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


_LIVING = "deleted_at IS NULL"
# Words as they are: of no language, so of any.
_DICTIONARY = literal_column("'simple'", Text)
_PUNCTUATION = literal_column("'[[:punct:]]+'", Text)
_EVERYWHERE = literal_column("'g'", Text)
_SPACE = literal_column("' '", Text)
_NOTHING = literal_column("''", Text)
# Without punctuation, which PostgreSQL would read as signs, paths and addresses.
_WORD = re.compile(rf"[^\s{re.escape(string.punctuation)}]+")
