"""What only PostgreSQL can do: another database would have a file with these names."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import asyncpg
from pydantic import SecretStr
from sqlalchemy import (
    ColumnElement,
    Connection,
    DateTime,
    Index,
    Row,
    Select,
    Table,
    delete,
    event,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.dml import ReturningInsert

from app.platform.configuration import renewed
from app.platform.database.settings import DatabaseSettings, read_url

type Execute = Callable[[str], Any]
type Failure = Literal["value", "locked", "passing", "aborted"]
type Model = type[DeclarativeBase]

INSTANT = DateTime(timezone=True)
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
# The number of this transaction, and the lowest of those that have not ended.
TRANSACTION = text("(pg_current_xact_id()::text::bigint)")
UNSETTLED = text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


class Json(JSONB):
    """A column of JSON."""


def connector(
    settings: DatabaseSettings, url: SecretStr, *, limits: dict[str, Any] | None = None
) -> Callable[..., Awaitable[asyncpg.Connection]]:
    """Give the one way into PostgreSQL: of the pool, migrations and who listens."""

    async def once() -> asyncpg.Connection:
        # For each connection: a password that changes does so here.
        arguments = read_url(url.get_secret_value())
        given = limits or {}
        arguments["server_settings"] |= given.get("server_settings", {})
        timeout = settings.connect_timeout_seconds
        return await asyncpg.connect(**{"timeout": timeout, **given, **arguments})

    async def connect(*_: object, **__: object) -> asyncpg.Connection:
        for pause in _CHANGING:
            try:
                return await once()
            except asyncpg.InvalidAuthorizationSpecificationError:
                # It is being changed: here first, or where it is kept.
                if not await renewed(url):
                    raise
                await asyncio.sleep(pause)
        return await once()

    return connect


def replacing(url: SecretStr) -> Callable[..., None]:
    """Have the pool replace what the server has closed, or has let in as another."""

    def look(connection: Any, record: Any, _: object) -> None:
        now = url.get_secret_value()
        closed = connection.driver_connection.is_closed()
        if closed or record.info.setdefault("url", now) != now:
            raise DisconnectionError

    return look


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
    limit_said = f"idle_in_transaction_session_timeout = '{limit.total_seconds()}s'"

    def say(_: Any, __: Any, connection: Any) -> None:
        connection.exec_driver_sql(f"SET LOCAL {limit_said}")

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


def unique_among_living(*columns: str, name: str | None = None) -> Index:
    """Make a value unique among the rows that are not deleted."""
    return Index(name, *columns, unique=True, postgresql_where=_LIVING)


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


def upsert(
    model: Model,
    row: Mapping[str, Any],
    *,
    change: Sequence[str],
    when: ColumnElement[bool] | None = None,
) -> ReturningInsert[Any]:
    """
    Insert a row, or change these columns of the one with its key.

    `when` asks something of the stored row. Returns the key if anything was stored.
    """
    keys = inspect(model).primary_key
    statement = insert(cast("Table", model.__table__)).values(row)
    changes = {name: statement.excluded[name] for name in change}
    stored = statement.on_conflict_do_update(
        index_elements=keys, set_=changes, where=when
    )
    return stored.returning(*keys)


async def change_one[M: DeclarativeBase](
    session: AsyncSession,
    model: type[M],
    condition: ColumnElement[bool],
    values: Mapping[str, Any],
) -> M | None:
    """Change the row that meets the condition, if one does, and return it as it is."""
    statement = update(model).where(condition).values(**values).returning(model)
    changed: M | None = await session.scalar(statement)
    return changed


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


def try_lock(name: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Take a lock that ends with the transaction, or say at once that it is taken."""
    return func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0))


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


# How long to wait before each further try with a password that was refused.
_CHANGING = (0.0, 0.2, 0.4, 0.8)
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
