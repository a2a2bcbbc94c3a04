"""What only PostgreSQL can do: another database would have a file with these names."""

import asyncio
import re
import string
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

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
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from app.platform.database.settings import DatabaseSettings, read_url

type Execute = Callable[[str], Any]
type Failure = Literal["value", "locked", "passing", "aborted"]
type Model = type[DeclarativeBase]
type _Text = ColumnElement[Any] | InstrumentedAttribute[Any]

INSTANT = DateTime(timezone=True)
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class Json(JSONB):
    """A column of JSON."""


def connector(
    settings: DatabaseSettings, url: str, *, limits: dict[str, Any] | None = None
) -> Callable[..., Awaitable[asyncpg.Connection]]:
    """Give the one way into PostgreSQL: of the pool, migrations and who listens."""

    async def connect(*_: object, **__: object) -> asyncpg.Connection:
        # For each connection: a password that changes would change here.
        arguments = read_url(url)
        given = limits or {}
        arguments["server_settings"] |= given.get("server_settings", {})
        timeout = settings.connect_timeout_seconds
        return await asyncpg.connect(**{"timeout": timeout, **given, **arguments})

    return connect


def role_timeouts(settings: DatabaseSettings) -> dict[str, str]:
    """Time limits that the server enforces; docs/howto/database.md names them, too."""
    idle = settings.idle_in_transaction_timeout_seconds
    return {
        "statement_timeout": f"{settings.statement_timeout_seconds}s",
        "lock_timeout": f"{settings.lock_timeout_seconds}s",
        "idle_in_transaction_session_timeout": f"{idle}s",
    }


def let_idle(session: AsyncSession, limit: timedelta) -> None:
    """Let its transactions do nothing for so long, said when one begins."""
    seconds = f"{limit.total_seconds()}s"

    def say(_: Any, __: Any, connection: Any) -> None:
        name = "idle_in_transaction_session_timeout"
        connection.exec_driver_sql(f"SET LOCAL {name} = '{seconds}'")

    event.listen(session.sync_session, "after_begin", say)


def changed_something(connection: Connection) -> bool:
    """Tell whether the transaction has written anything yet."""
    return connection.scalar(select(func.txid_current_if_assigned())) is not None


def validate(execute: Execute, table: str, constraint: str) -> None:
    """Look at the rows that were there before a constraint; others go on writing."""
    execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}")


async def limit_lock_waits(connection: AsyncConnection, seconds: float) -> None:
    """Let its statements give up when they cannot have a lock for so long."""
    await connection.exec_driver_sql(f"SET lock_timeout = '{seconds}s'")
    await connection.commit()


def from_now(delay: timedelta) -> ColumnElement[datetime]:
    """Add to the time of the database, which is everybody's."""
    return func.now() + delay


def unique_among_living(*columns: str) -> Index:
    """Make a value unique among the rows that are not deleted."""
    return Index(None, *columns, unique=True, postgresql_where=_LIVING)


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
    session: AsyncSession, model: Model, *rows: Mapping[str, Any]
) -> int:
    """Insert rows and leave alone what is there already; tell how many were new."""
    # Rows beside the statement, not in it: so it is compiled once.
    statement = insert(model).on_conflict_do_nothing()
    keys = statement.returning(*inspect(model).primary_key)
    return len((await session.execute(keys, [*rows])).all())


async def insert_unless_there[M: DeclarativeBase](
    session: AsyncSession, row: M, unique: Sequence[str]
) -> M | None:
    """Insert a row, or return nothing if a living one has the same unique values."""
    keys = [attribute.key for attribute in inspect(type(row)).column_attrs]
    values = {key: value for key in keys if (value := getattr(row, key)) is not None}
    new = insert(type(row)).values(values)
    new = new.on_conflict_do_nothing(index_elements=unique, index_where=_LIVING)
    added: M | None = await session.scalar(new.returning(type(row)))
    return added


async def upsert(
    session: AsyncSession,
    model: Model,
    row: Mapping[str, Any],
    *,
    change: Sequence[str],
    when: ColumnElement[bool] | None = None,
) -> bool:
    """
    Insert a row, or change these columns of the one with its key.

    `when` asks something of the stored row. Tells whether anything was stored.
    """
    keys = inspect(model).primary_key
    new = insert(model).values(row)
    changes = {name: new.excluded[name] for name in change}
    stored = new.on_conflict_do_update(index_elements=keys, set_=changes, where=when)
    return (await session.execute(stored.returning(*keys))).first() is not None


async def take_and_update(
    session: AsyncSession, rows: Select[Any], values: Mapping[str, Any], *returning: Any
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


def constraint_of(error: IntegrityError) -> str | None:
    """Name the constraint or unique index that refused a statement."""
    return getattr(error.driver_exception, "constraint_name", None)


def code_of(error: BaseException | None) -> str:
    """Give the server's code for an error, and nothing for one that is not its."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "sqlstate", None) or ""


def classify(error: BaseException) -> Failure | None:
    """Tell what an error of the server means; None if it is a defect."""
    code = code_of(error)
    return next((kind for kind, of in _CODES.items() if code.startswith(of)), None)


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
    """Have inserts wake who listens to the table, once for each transaction."""
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


@asynccontextmanager
async def listening(
    settings: DatabaseSettings, channel: str, hear: Callable[[], None]
) -> AsyncIterator[asyncio.Event]:
    """Call `hear` when woken; yield an event that is set when nothing is heard."""
    lost = asyncio.Event()
    connection = await connector(settings, settings.session_url)()
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, lambda *_: hear())
        yield lost
    finally:
        await connection.close(timeout=settings.connect_timeout_seconds)


def vacuum_often(
    execute: Execute, table: str, *, rows: int = 50, share: float = 0.0
) -> None:
    """Clean up when so much of a table is dead: by default a fifth of it may be."""
    for kind in ("vacuum", "vacuum_insert", "analyze"):
        limits = f"{kind}_threshold = {rows}, autovacuum_{kind}_scale_factor = {share}"
        execute(f"ALTER TABLE {table} SET (autovacuum_{limits})")


def _free(rows: Select[Any]) -> tuple[Model, ColumnElement[bool]]:
    model = rows.column_descriptions[0]["entity"]
    [key] = inspect(model).primary_key
    return model, key.in_(rows.with_only_columns(key).with_for_update(skip_locked=True))


def _words_of(*columns: _Text) -> ColumnElement[Any]:
    """Spell it as PostgreSQL does, so that Alembic sees that the two are the same."""
    words: ColumnElement[str] = func.coalesce(columns[0], _NOTHING)
    for column in columns[1:]:
        words = words.op("||")(_SPACE).op("||")(func.coalesce(column, _NOTHING))
    spaced = func.regexp_replace(words, _PUNCTUATION, _SPACE, _EVERYWHERE)
    return func.to_tsvector(_DICTIONARY, spaced)


# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html
_TEXTS = ("22021", "22P05")
_CODES: dict[Failure, tuple[str, ...]] = {
    # What the driver cannot encode; too long, out of range, no such date; a negative
    # LIMIT or OFFSET; characters that cannot be stored or translated.
    "value": ("22000", "22001", "22003", "22007", "22008", "2201W", "2201X", *_TEXTS),
    "locked": ("55P03",),
    # An earlier statement of the transaction had been refused.
    "aborted": ("25P02",),
    # Connections; serialization failures and deadlocks; out of connections, memory or
    # disk; cancelled by a timeout, or the server stops; a transaction took too long.
    "passing": ("08", "40", "53", "57", "25P03", "25P04"),
}
_LIVING = text("deleted_at IS NULL")
_NO_SYNC = {"synchronize_session": False}
# Words as they are: of no language, so of any.
_DICTIONARY = literal_column("'simple'", Text)
_PUNCTUATION = literal_column("'[[:punct:]]+'", Text)
_EVERYWHERE = literal_column("'g'", Text)
_SPACE = literal_column("' '", Text)
_NOTHING = literal_column("''", Text)
# Without punctuation, which PostgreSQL would read as signs, paths and addresses.
_WORD = re.compile(rf"[^\s{re.escape(string.punctuation)}]+")
