"""What only PostgreSQL can do, in one place."""

import asyncio
import re
import socket
import string
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from enum import Enum, auto
from traceback import walk_tb
from typing import Any

import asyncpg
from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Index,
    Row,
    Select,
    Text,
    delete,
    event,
    func,
    inspect,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Session,
    SessionTransaction,
)

from app.platform.database.settings import DatabaseSettings, read_url

type Connect = Callable[..., Awaitable[asyncpg.Connection]]
type Execute = Callable[[str], Any]
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


class Json(JSONB):
    """A column of JSON."""


# A column of moments, which are aware of their time zone.
INSTANT = DateTime(timezone=True)


def from_now(delay: timedelta) -> ColumnElement[datetime]:
    """Add to the time of the database, which is everybody's."""
    return func.now() + delay


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


async def insert_or_ignore(
    session: AsyncSession,
    model: type[DeclarativeBase],
    rows: Sequence[Mapping[str, Any]],
) -> int:
    """Insert rows and leave alone what is there already; tell how many were new."""
    statement = insert(model).values(rows).on_conflict_do_nothing()
    keys = statement.returning(*inspect(model).primary_key)
    return len((await session.execute(keys)).all())


async def insert_unless_there[M: DeclarativeBase](
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


async def upsert(
    session: AsyncSession,
    model: type[DeclarativeBase],
    row: Mapping[str, Any],
    *,
    change: Sequence[str],
    when: ColumnElement[bool] | None = None,
) -> bool:
    """
    Insert a row, or change these columns of the one with its key.

    `when` asks something of the stored row. Tells whether anything was stored.
    """
    statement = insert(model).values(row)
    keys = inspect(model).primary_key
    stored = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in change},
        where=when,
    )
    return (await session.execute(stored.returning(*keys))).first() is not None


async def take_and_update(
    session: AsyncSession,
    rows: Select[Any],
    values: Mapping[str, Any],
    *returning: Any,
) -> Sequence[Row[Any]]:
    """Change the rows of a query, without those that another transaction holds."""
    model, free = _free(rows)
    taken = update(model).where(free).values(**values).returning(*returning)
    return (await session.execute(taken, execution_options=_NO_SYNC)).all()


async def take_and_delete(
    session: AsyncSession, rows: Select[Any], *returning: Any
) -> Sequence[Row[Any]]:
    """Delete the rows of a query, without those that another transaction holds."""
    model, free = _free(rows)
    taken = delete(model).where(free).returning(*returning)
    return (await session.execute(taken, execution_options=_NO_SYNC)).all()


def _free(rows: Select[Any]) -> tuple[type[DeclarativeBase], ColumnElement[bool]]:
    model = rows.column_descriptions[0]["entity"]
    [key] = inspect(model).primary_key
    free = rows.with_only_columns(key).with_for_update(skip_locked=True)
    return model, key.in_(free)


def constraint_of(error: IntegrityError) -> str | None:
    """Name the constraint or unique index that refused a statement."""
    name: str | None = getattr(error.driver_exception, "constraint_name", None)
    return name


class Failure(Enum):
    """What an error of the database means to whoever asked."""

    VALUE = auto()
    """It cannot be stored: who sent it is at fault."""
    LOCKED = auto()
    """Another transaction kept what this one needs."""
    PASSING = auto()
    """It may go well the next time."""
    ABORTED = auto()
    """An earlier statement of the transaction had been refused."""
    DEFECT = auto()


def classify(error: Exception) -> Failure:
    """Tell what an error means, be it the server's, the driver's or the pool's."""
    code = code_of(error)
    for failure, codes in _CODES.items():
        if code.startswith(codes):
            return failure
    if isinstance(error, DBAPIError):
        passes = error.connection_invalidated
    else:
        passes = isinstance(error, UNREACHABLE) and _is_of_the_driver(error)
    return Failure.PASSING if passes else Failure.DEFECT


def code_of(error: Exception) -> str:
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def _is_of_the_driver(error: Exception) -> bool:
    """The driver passes on what the system raises, as any other code may do."""
    frames = walk_tb(error.__traceback__)
    names = (str(frame.f_globals.get("__name__")) for frame, _ in frames)
    return any(name.partition(".")[0] in _DRIVER for name in names)


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


async def limit_lock_waits(connection: AsyncConnection, seconds: float) -> None:
    """Have a statement that cannot have its lock give up, until the connection ends."""
    await connection.exec_driver_sql(f"SET lock_timeout = {seconds * 1000:.0f}")
    await connection.commit()


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


def wake_on_insert(execute: Execute, table: str) -> None:
    """Have inserts notify who listens to the table; equal ones are folded into one."""
    execute(f"""
        CREATE FUNCTION notify_{table}() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('{table}', ''); RETURN NULL; END $$
    """)
    execute(f"""
        CREATE TRIGGER notify_{table} AFTER INSERT ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION notify_{table}()
    """)


def wake_no_more(execute: Execute, table: str) -> None:
    execute(f"DROP FUNCTION notify_{table}() CASCADE")


def vacuum_often(
    execute: Execute, table: str, *, rows: int = 50, share: float = 0.0
) -> None:
    """Clean up when so much of a table is dead: by default a fifth of it may be."""
    limits = {"threshold": rows, "scale_factor": share}
    options = ", ".join(
        f"autovacuum_{kind}_{name} = {limit}"
        for kind in ("vacuum", "vacuum_insert", "analyze")
        for name, limit in limits.items()
    )
    execute(f"ALTER TABLE {table} SET ({options})")


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


# Whatever the system says of a server that cannot be reached.
UNREACHABLE = (PoolExhausted, ConnectionError, TimeoutError, socket.gaierror)
_DRIVER = ("asyncpg", "sqlalchemy")
_NO_SYNC = {"synchronize_session": False}
# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html
_CODES = {
    Failure.VALUE: (
        "22000",  # what the driver cannot encode
        "22001",  # string too long
        "22003",  # number out of range
        "22007",  # no such date
        "22008",  # date out of range
        "22021",  # character that cannot be stored
        "22P05",  # character that cannot be translated
        "2201W",  # negative LIMIT
        "2201X",  # negative OFFSET
    ),
    Failure.LOCKED: ("55P03",),
    Failure.ABORTED: ("25P02",),
    Failure.PASSING: (
        "08",  # connection exceptions
        "40",  # serialization failures and deadlocks
        "53",  # out of connections, memory or disk
        "57",  # statement cancelled by its timeout, server shutting down or starting
        "25P03",  # idle in transaction for too long
        "25P04",  # transaction took too long
    ),
}
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
