"""The conditions of a list, of which a client may leave out any."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from app.platform.database.postgresql import has_words

type Conditions = Sequence[ColumnElement[bool]]


def equal(column: InstrumentedAttribute[Any], value: object) -> Conditions:
    return [] if value is None else [column == value]


def words(asked: str | None, *columns: InstrumentedAttribute[Any]) -> Conditions:
    return [] if asked is None or not asked.strip() else [has_words(asked, *columns)]
