"""The base of every table."""

from datetime import datetime
from traceback import walk_stack
from typing import Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    FromClause,
    MetaData,
    Table,
    event,
    func,
    inspect,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    RelationshipProperty,
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


def referring(table: FromClause) -> list[Column[Any]]:
    """Find the columns, of whatever module, that refer to rows of the table."""
    return [
        key.parent
        for other in Base.metadata.sorted_tables
        for key in sorted(other.foreign_keys, key=lambda key: key.parent.name)
        if key.column.table is table and key.column.name == "id"
    ]


def links(table: FromClause) -> list[tuple[Column[Any], Column[Any]]]:
    """
    Find the collections that rows of the table may be in.

    Of the two columns of an association table, the first is whom it belongs to.
    """
    columns = (column for column in referring(table) if associates(column))
    pairs = ((next(iter(column.table.primary_key)), column) for column in columns)
    return [(owner, member) for owner, member in pairs if owner is not member]


def associates(column: Column[Any]) -> bool:
    """Tell whether it is of an association table, whose key is two references."""
    key = column.table.primary_key
    return len(key) > 1 and all(each.foreign_keys for each in key)


def ids_of(collection: RelationshipProperty[Any]) -> str:
    """Name what a client sends for a collection: `tag_ids` for a column `tag_id`."""
    table = cast("Table", collection.secondary)
    return f"{list(table.primary_key)[1].name}s"
