"""The base of every table."""

import re
from datetime import datetime
from functools import lru_cache
from traceback import walk_stack
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, MetaData, Table, event, func, inspect
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    declared_attr,
    mapped_column,
)
from uuid_utils.compat import uuid7

from app.platform.database.postgresql import INSTANT


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """Any table. Domain tables derive from `Model`, technical ones from this."""

    # Named constraints, so that migrations can drop them and errors can name them.
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: INSTANT,
        int: BigInteger(),
    }


def defined_in(table: Table) -> str:
    """Name the Python module that defines a table, whether or not a class maps it."""
    return str(table.metadata.info.get(table.key, ""))


@event.listens_for(Table, "after_parent_attach")
def _note_module(table: Table, metadata: MetaData) -> None:
    names = (str(frame.f_globals.get("__name__")) for frame, _ in walk_stack(None))
    theirs = (name for name in names if not name.startswith(_OURS))
    metadata.info[table.key] = next(theirs, "")


_OURS = ("sqlalchemy.", "app.platform.database.")


class Model(Base):
    """
    A row of the domain.

    Identifiers are UUIDv7 (RFC 9562): known before the insert, and ordered by time,
    so that a page can be cut by the primary key alone.
    """

    __abstract__ = True
    # The database sets both timestamps; RETURNING brings them back in the same trip.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012

    id: Mapped[UUID] = mapped_column(
        primary_key=True, default_factory=uuid7, init=False
    )
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), default=None, init=False
    )
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), default=None, init=False
    )
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, init=False)


def forgetful(statement: Any) -> str | None:
    """Name the tables that SQL as text reads without a word on deleted rows."""
    said = getattr(getattr(statement, "element", statement), "text", None)
    return _forgetful(said) if isinstance(said, str) else None


@lru_cache(maxsize=2048)
def _forgetful(statement: str) -> str | None:
    known = Base.metadata.tables
    read = [name for name in _READ.findall(statement) if name in known]
    kept = [name for name in read if "deleted_at" in known[name].columns]
    return " or ".join(kept) if len(kept) > statement.count("deleted_at") else None


_READ = re.compile(r'(?<!DELETE )\b(?:FROM|JOIN)\s+"?(\w+)', re.IGNORECASE)


class Versioned(MappedAsDataclass, kw_only=True):
    """Optimistic locking: an update of a row that has changed since raises."""

    version: Mapped[int] = mapped_column(default=1, init=False)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"eager_defaults": True, "version_id_col": cls.version}


@event.listens_for(Session, "before_flush")
def _count_links(session: Session, *_: object) -> None:
    """Let other links by an association table be a change of the row they belong to."""
    for row in session.dirty:
        if isinstance(row, Model) and isinstance(row, Versioned):
            state = inspect(row)
            for name, relation in state.mapper.relationships.items():
                linked = relation.secondary is not None
                if linked and state.attrs[name].history.has_changes():
                    row.updated_at = func.now()
