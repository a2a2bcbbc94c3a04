"""The order of a list, in which every row has a place, and what is left out of it."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from app.platform.database.model import Model
from app.platform.database.postgresql import has_words
from app.platform.errors import Invalid

type Conditions = Sequence[ColumnElement[bool]]


def equal(column: InstrumentedAttribute[Any], value: object) -> Conditions:
    return [] if value is None else [column == value]


def words(asked: str | None, *columns: InstrumentedAttribute[Any]) -> Conditions:
    return [] if asked is None or not asked.strip() else [has_words(asked, *columns)]


NEWEST_FIRST = "-created_at"


class Position(NamedTuple):
    """Where a page ended: at this row of this order."""

    key: UUID
    sort: str = NEWEST_FIRST
    # What the column holds there, as JSON; nothing where the key says it all.
    value: str = ""


class Sort[M: Model]:
    """
    An order: `due` by that column, `-due` backwards.

    Every row must have a value in the column. Keys are ordered by time, so the order
    of `created_at` is theirs.
    """

    def __init__(self, model: type[M], name: str) -> None:
        self._name = name
        self._is_backwards = name.startswith("-")
        attribute = name.removeprefix("-")
        self._key: InstrumentedAttribute[UUID] = model.id
        self._column: InstrumentedAttribute[Any] | None = (
            None if attribute == "created_at" else getattr(model, attribute)
        )

    def apply(self, query: Select[M]) -> Select[M]:
        columns = self._columns()
        if self._is_backwards:
            return query.order_by(*(column.desc() for column in columns))
        return query.order_by(*columns)

    def seek(self, query: Select[M], after: Position) -> Select[M]:
        """Go on where a page ended, which an index finds without counting rows."""
        if after.sort != self._name:
            raise Invalid(f"This cursor belongs to a list with sort={after.sort}.")
        here, there = tuple_(*self._columns()), tuple_(*self._values(after))
        return query.where(here < there if self._is_backwards else here > there)

    def position(self, row: M) -> Position:
        if self._column is None:
            return Position(row.id, self._name)
        value = _form(self._column).dump_json(getattr(row, self._column.key))
        return Position(row.id, self._name, value.decode())

    def _columns(self) -> Sequence[InstrumentedAttribute[Any]]:
        return [self._key] if self._column is None else [self._column, self._key]

    def _values(self, after: Position) -> Sequence[object]:
        if self._column is None:
            return [after.key]
        try:
            return [_form(self._column).validate_json(after.value), after.key]
        except ValueError as error:
            raise Invalid("This cursor holds no value of its column.") from error


@cache
def _form(column: InstrumentedAttribute[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(column.type.python_type)
