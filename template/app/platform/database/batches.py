"""Changing many rows in a migration, some at a time."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    exists,
    func,
    inspect,
    literal_column,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy import column as column_clause

from app.platform.database.postgresql import changed_something, validate

BATCH = 1000
TELL_SECONDS = 1.0


class Revision(Protocol):
    """What a revision has as `op`."""

    def get_context(self) -> MigrationContext: ...


def backfill(
    op: Revision,
    table: str,
    values: Mapping[str, str],
    *,
    where: str,
    batch: int = BATCH,
) -> None:
    """
    Give columns a value in all rows for which `where` holds: both are SQL.

    Stands first in a revision: each batch is a transaction of its own, so that what was
    killed goes on when it is run again. Rows that others hold come last, and it rests
    for as long as it works.
    """
    context = op.get_context()
    connection = context.connection
    if connection is None or context.as_sql:
        rows = Table(table, MetaData(), *map(Column, values))
        change = update(rows).where(literal_column(where, Boolean))
        Operations(context).execute(change.values(_sql(values)))
        return
    if changed_something(connection):
        raise CommandError(
            f"What stands before backfill of {table} would be done twice if this were"
            " interrupted: give backfill a revision of its own"
        )
    with context.autocommit_block():
        _Filling(connection, table, values, where, batch).fill()


def require(op: Revision, table: str, column: str) -> None:
    """Make a column required; others go on writing while all rows are looked at."""
    operations = Operations(op.get_context())
    name = operations.f(f"ck_{table}_{column}_required")
    there = column_clause(column).is_not(None)
    with op.get_context().autocommit_block():
        # One that was killed has left it behind.
        operations.drop_constraint(name, table, if_exists=True)
        operations.create_check_constraint(
            name, table, there, postgresql_not_valid=True
        )
        validate(operations.execute, table, name)
        # The database goes by what the constraint says, and does not look again.
        operations.alter_column(table, column, nullable=False)
        operations.drop_constraint(name, table)


class _Filling:
    """Walks through a table by its key until no row is left to fill."""

    def __init__(
        self,
        connection: Connection,
        table: str,
        values: Mapping[str, str],
        where: str,
        batch: int,
    ) -> None:
        self._connection = connection
        stored = inspect(connection)
        columns = (Column(c["name"], c["type"]) for c in stored.get_columns(table))
        self._table = Table(table, MetaData(), *columns)
        keys = stored.get_pk_constraint(table)["constrained_columns"]
        self._keys = [self._table.c[name] for name in keys]
        self._values = _sql(values)
        self._wanted: ColumnElement[bool] = literal_column(f"({where})", Boolean)
        self._batch = batch
        self._filled, self._told = 0, time.monotonic()

    def fill(self) -> None:
        left = select(exists().select_from(self._table).where(self._wanted))
        waits = False
        while self._connection.scalar(left):
            before = self._filled
            self._walk(waits=waits)
            # When others hold all that is left, the next turn waits for them, as long
            # as `migrate` may wait for a lock.
            waits = self._filled == before
        self._tell()

    def _walk(self, *, waits: bool) -> None:
        after: Sequence[Any] | None = None
        while True:
            began = time.monotonic()
            row = self._connection.execute(self._step(after, waits=waits)).first()
            if row is None:
                return
            *after, filled, unmet = row
            self._filled += filled
            if unmet:
                raise CommandError(
                    f"Rows of {self._table.name} still meet the condition"
                    f" {self._wanted} when they are filled: it would never end"
                )
            ended = time.monotonic()
            if ended - self._told > TELL_SECONDS:
                self._tell()
            time.sleep(ended - began)

    def _step(self, after: Sequence[Any] | None, *, waits: bool) -> Select[Any]:
        """Fill a batch, and ask where it ended."""
        key = tuple_(*self._keys)
        found = select(*self._keys).where(self._wanted)
        if after is not None:
            found = found.where(key > after)
        found = found.order_by(*self._keys).limit(self._batch)
        # References to a row may be made meanwhile.
        found = found.with_for_update(key_share=True, skip_locked=not waits)
        batch = found.cte("batch")
        change = update(self._table).where(key.in_(select(batch)))
        filled = (
            change.values(self._values)
            .returning(self._wanted.label("unmet"))
            .cte("filled")
        )
        outcome = select(func.count(), func.bool_or(filled.c.unmet)).subquery()
        last = [column.desc() for column in batch.c]
        return select(batch.join(outcome, true())).order_by(*last).limit(1)

    def _tell(self) -> None:
        self._told = time.monotonic()
        print(f"{self._table.name}: {self._filled:,} rows filled", flush=True)


def _sql(values: Mapping[str, str]) -> dict[str, ColumnElement[Any]]:
    return {name: literal_column(value) for name, value in values.items()}
