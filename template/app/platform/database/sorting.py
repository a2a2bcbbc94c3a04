"""The order of a list, in which every row has a place, and what is left out of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.platform.database.model import Model
from app.platform.database.postgresql_text import has_words
from app.platform.errors import Invalid

type Conditions = Sequence[ColumnElement[bool]]


NEWEST_FIRST = "-created_at"


def equal(column: InstrumentedAttribute[Any], value: object) -> Conditions:
    return [] if value is None else [column == value]


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
