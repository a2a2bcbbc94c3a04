"""What only PostgreSQL can do, in one place."""

import asyncio
import re
import string
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import reduce
from typing import Any

import asyncpg
from sqlalchemy import ColumnElement, Index, func, literal_column, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from app.platform.database.settings import DatabaseSettings


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
    return Index(name, literal_column(_words_of(*columns)), postgresql_using="gin")


def has_words(question: str, *columns: str) -> ColumnElement[bool]:
    """Ask for rows in which each word of the question, or its beginning, occurs."""
    words = [f"{word}:*" for word in _WORD.findall(question)]
    asked = func.to_tsquery(literal_column(_DICTIONARY), " & ".join(words))
    return literal_column(_words_of(*columns)).op("@@", is_comparison=True)(asked)


def constraint_of(error: IntegrityError) -> str | None:
    """Name the constraint or unique index that refused a statement."""
    name: str | None = getattr(error.driver_exception, "constraint_name", None)
    return name


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


def _words_of(*columns: str) -> str:
    """Spell it as PostgreSQL does, so that Alembic sees that the two are the same."""
    texts = (f"coalesce(\"{column}\", '')" for column in columns)
    joined = reduce(lambda left, right: f"(({left} || ' ') || {right})", texts)
    outermost = joined[1:-1] if joined.startswith("(") else joined
    spaced = f"regexp_replace({outermost}, '[[:punct:]]+', ' ', 'g')"
    return f"to_tsvector({_DICTIONARY}, {spaced})"


_LIVING = "deleted_at IS NULL"
# Words as they are: of no language, so of any.
_DICTIONARY = "'simple'"
# Without punctuation, which PostgreSQL would read as signs, paths and addresses.
_WORD = re.compile(rf"[^\s{re.escape(string.punctuation)}]+")
