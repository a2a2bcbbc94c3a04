"""A row among others: its place in a list, what leaves it out, and who refers to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Select,
    Table,
    delete,
    exists,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, RelationshipProperty

from app.platform.database.model import Base, Model
from app.platform.database.postgresql_text import has_words
from app.platform.errors import InUse, Invalid

type Conditions = Sequence[ColumnElement[bool]]


NEWEST_FIRST = "-created_at"


def equal(column: InstrumentedAttribute[Any], value: object) -> Conditions:
    return [] if value is None else [column == value]


def among(collection: InstrumentedAttribute[Any], key: UUID | None) -> Conditions:
    return [] if key is None else [collection.any(id=key)]


def words(asked: str | None, *columns: InstrumentedAttribute[Any]) -> Conditions:
    return [] if asked is None or not asked.strip() else [has_words(asked, *columns)]


class Position(NamedTuple):
    """Where a page ended: at this row of this order."""

    key: UUID
    sort: str = NEWEST_FIRST
    # What the column holds there, as JSON; nothing where the key says it all.
    value: str = ""


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One page, and where it ended if there is a next one."""

    items: Sequence[T]
    next: Position | None

    def map[R](self, convert: Callable[[T], R]) -> "Page[R]":
        return Page([convert(item) for item in self.items], self.next)


class Sort[M: Model]:
    """
    An order: `due` by that column, `-due` backwards.

    Every row must have a value in the column. Keys are ordered by time, so the order
    of `created_at` is theirs.
    """

    def __init__(self, model: type[M], name: str) -> None:
        self._name = name
        attribute = name.removeprefix("-")
        self._key: InstrumentedAttribute[UUID] = model.id
        self._before: list[InstrumentedAttribute[Any]] = (
            [] if attribute == "created_at" else [getattr(model, attribute)]
        )

    def apply(self, query: Select[M]) -> Select[M]:
        columns = (*self._before, self._key)
        if self._name.startswith("-"):
            return query.order_by(*(column.desc() for column in columns))
        return query.order_by(*columns)

    def seek(self, query: Select[M], after: Position) -> Select[M]:
        """Go on where a page ended, which an index finds without counting rows."""
        if after.sort != self._name:
            raise Invalid(f"This cursor belongs to a list with sort={after.sort}.")
        try:
            values = [_form(each).validate_json(after.value) for each in self._before]
        except ValueError as error:
            raise Invalid("This cursor holds no value of its column.") from error
        here, there = tuple_(*self._before, self._key), tuple_(*values, after.key)
        return query.where(here < there if self._name[0] == "-" else here > there)

    def position(self, row: M) -> Position:
        columns = ((_form(each), getattr(row, each.key)) for each in self._before)
        values = [form.dump_json(value).decode() for form, value in columns]
        return Position(row.id, self._name, *values)


@cache
def _form(column: InstrumentedAttribute[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(column.type.python_type)


async def let_go(session: AsyncSession, row: Model) -> None:
    """Take it out of every reference and collection, or refuse where one needs it."""
    if columns := _referring(type(row).__table__):
        await _release(session, row, columns)
        await _unlink(session, row)


def ids_of(collection: RelationshipProperty[Any]) -> str:
    """Name what a client sends for a collection: `tag_ids` for a column `tag_id`."""
    table = cast("Table", collection.secondary)
    return f"{list(table.primary_key)[1].name}s"


async def _release(
    session: AsyncSession, row: Model, columns: Sequence[Column[Any]]
) -> None:
    # An insert that refers to the row locks it FOR KEY SHARE. Either this waits for
    # that and sees what it has inserted, or that waits for this, and `reload` finds
    # the row deleted.
    model = type(row)
    lock = select(model.id).where(model.id == row.id).with_for_update()
    await session.execute(lock)
    living = {
        column: _living(column, row.id) for column in columns if not _associates(column)
    }
    needing = [column for column in living if not column.nullable]
    if needing:
        asked = select(*(exists().where(*living[column]) for column in needing))
        answers = (await session.execute(asked)).one()
        pairs = zip(needing, answers, strict=True)
        if names := {column.table.name for column, needed in pairs if needed}:
            raise InUse(sorted(names))
    for column in (column for column in living if column.nullable):
        change = update(column.table).where(*living[column])
        await session.execute(change.values(_without(column)))


async def _unlink(session: AsyncSession, row: Model) -> None:
    """Take it out of every collection, each a change of whom that belongs to."""
    for owner, member in _links(type(row).__table__):
        parted = delete(member.table).where(member == row.id).returning(owner)
        owners = (await session.scalars(parted)).all()
        table = next(iter(owner.foreign_keys)).column.table
        if owners and "version" in table.c:
            change = update(table).where(table.c.id.in_(owners))
            await session.execute(change.values(version=table.c.version + 1))


def _referring(table: FromClause) -> list[Column[Any]]:
    """Find the columns, of whatever module, that refer to rows of the table."""
    return [
        key.parent
        for other in Base.metadata.sorted_tables
        for key in sorted(other.foreign_keys, key=lambda key: key.parent.name)
        if key.column.table is table and key.column.name == "id"
    ]


def _links(table: FromClause) -> list[tuple[Column[Any], Column[Any]]]:
    """
    Find the collections that rows of the table may be in.

    Of the two columns of an association table, the first is whom it belongs to.
    """
    columns = (column for column in _referring(table) if _associates(column))
    pairs = ((next(iter(column.table.primary_key)), column) for column in columns)
    return [(owner, member) for owner, member in pairs if owner is not member]


def _associates(column: Column[Any]) -> bool:
    """Tell whether it is of an association table, whose key is two references."""
    key = column.table.primary_key
    return len(key) > 1 and all(each.foreign_keys for each in key)


def _living(column: Column[Any], key: UUID) -> list[ColumnElement[bool]]:
    """Ask for the rows, other than itself, that refer to a row."""
    columns, conditions = column.table.c, [column == key]
    if "deleted_at" in columns:
        conditions.append(columns.deleted_at.is_(None))
    if any(each.column.table is column.table for each in column.foreign_keys):
        conditions.append(columns.id != key)
    return conditions


def _without(column: Column[Any]) -> dict[str, Any]:
    """Let go of the reference as any change would: with a version of its own."""
    columns = column.table.c
    changes: dict[str, Any] = {column.name: None}
    if "version" in columns:
        changes["version"] = columns.version + 1
    return changes
