"""The base of every table, and its rows as objects of no session."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from traceback import walk_stack
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    event,
    func,
    inspect,
    select,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Mapper,
    QueryableAttribute,
    Session,
    aliased,
    declared_attr,
    joinedload,
    mapped_column,
    selectinload,
    with_loader_criteria,
)
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.orm.interfaces import ORMOption
from uuid_utils.compat import uuid7

from app.platform.database.postgresql import INSTANT, TRANSACTION
from app.platform.observability import context


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


class Owned(MappedAsDataclass, kw_only=True):
    """
    A row that belongs to who made it.

    Where identity is enforced, the rows of others are not there for who asks, but for
    admins and for what the service does by itself.
    """

    enforced: ClassVar[bool] = False

    owner_id: Mapped[str] = mapped_column(
        String(255), default_factory=lambda: context.caller().id, init=False
    )


class Versioned(MappedAsDataclass, kw_only=True):
    """Optimistic locking: an update of a row that has changed since raises."""

    version: Mapped[int] = mapped_column(default=1, init=False)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"eager_defaults": True, "version_id_col": cls.version}


class Followed(MappedAsDataclass, kw_only=True):
    """Rows that clients follow as they are added and changed: `Repository.follow`."""

    transaction: Mapped[int] = mapped_column(
        index=True,
        server_default=TRANSACTION,
        onupdate=TRANSACTION,
        default=None,
        init=False,
    )


def count_links(session: Session) -> None:
    """Let other links by an association table be a change of the row they belong to."""
    for row in session.dirty:
        if isinstance(row, Model) and isinstance(row, Versioned):
            state = inspect(row)
            for name, relation in state.mapper.relationships.items():
                linked = relation.secondary is not None
                if linked and state.attrs[name].history.has_changes():
                    row.updated_at = func.now()


# Deleted rows are invisible, in whatever role they take part in a query.
_LIVING = with_loader_criteria(
    Model, lambda model: model.deleted_at.is_(None), include_aliases=True
)
# Whose they are is asked when a query is sent: it is built once for all.
_CALLER: BindParameter[str] = bindparam("me", callable_=lambda: context.caller().id)
_OWN = with_loader_criteria(
    Owned, lambda model: model.owner_id == _CALLER, include_aliases=True
)


def hiding(options: Mapping[str, Any]) -> tuple[ORMOption, ...]:
    """Say what keeps from a query, with its options of execution, what is not there."""
    own = (_OWN,) if Owned.enforced and not context.caller().sees_all else ()
    return own if options.get("include_deleted") else (_LIVING, *own)


# More kinds of queries than any repository has.
_MOST = 500


type Eager = QueryableAttribute[Any] | ORMOption


class Shape[M: Model]:
    """
    A model and what it refers to, as the columns of one row.

    The objects it makes belong to no session, as if theirs had ended.
    """

    def __init__(
        self, model: type[M], related: Sequence[QueryableAttribute[Any]]
    ) -> None:
        self._own = _Part(model, model)
        self._related = [(each, _Part.of(each)) for each in related]
        self._built: dict[object, tuple[Select[Any], Sequence[BindParameter[Any]]]] = {}
        self._by_key = select(model).where(model.id == bindparam("key"))
        self._keyed: dict[tuple[ORMOption, ...], Select[Any]] = {}

    def by_key(self) -> Select[Any]:
        """Ask for the columns of the row with a `key`."""
        hidden = hiding({})
        if (keyed := self._keyed.get(hidden)) is None:
            keyed = self._keyed[hidden] = self._build(self._by_key, hidden)
        return keyed

    @classmethod
    def of(cls, model: type[M], eager: Sequence[Eager]) -> Self | None:
        """None unless each row is an object of one class, with one of each other."""
        related = [each for each in eager if isinstance(each, QueryableAttribute)]
        many = any(each.property.uselist for each in related)
        if (
            many
            or any(_loads_along(each.property.mapper) for each in related)
            or _loads_along(inspect(model))
            or len(related) < len(eager)
            or inspect(model).polymorphic_on is not None
        ):
            return None
        return cls(model, related)

    @staticmethod
    def tells(query: Select[M]) -> bool:
        """Tell whether a query leaves it to the repository what is loaded along."""
        return not query._with_options  # noqa: SLF001

    def ask(self, query: Select[M]) -> tuple[Select[Any], dict[str, Any]]:
        """
        Ask for the columns of what a query finds.

        Queries that differ in their values alone have one statement, which is built and
        compiled once. The values are given beside it.
        """
        # It is what SQLAlchemy finds a compiled statement by.
        key = query._generate_cache_key()  # noqa: SLF001
        hidden = hiding(query.get_execution_options())
        if key is None:
            return self._build(query, hidden), {}
        if len(self._built) >= _MOST:
            self._built.clear()
        asked = key.key, hidden
        if (built := self._built.get(asked)) is None:
            built = self._built[asked] = self._build(query, hidden), key.bindparams
        statement, places = built
        pairs = zip(places, key.bindparams, strict=True)
        return statement, {place.key: value.effective_value for place, value in pairs}

    def _build(self, query: Select[M], hidden: Sequence[ORMOption]) -> Select[Any]:
        columns = list(self._own.columns)
        for attribute, part in self._related:
            query = query.outerjoin(attribute.of_type(part.entity))
            columns += part.columns
        asked = query.with_only_columns(*columns, maintain_column_froms=True)
        return asked.options(*hidden)

    def objects(self, rows: Iterable[Sequence[Any]]) -> list[M]:
        """Make the objects of rows; of what they refer to, each object once."""
        known: dict[tuple[str, UUID], Any] = {}
        return [self._object(tuple(row), known) for row in rows]

    def _object(self, row: Sequence[Any], known: dict[tuple[str, UUID], Any]) -> M:
        begin = len(self._own.names)
        own: M = self._own.make(row[:begin])
        for attribute, part in self._related:
            values = row[begin : (begin := begin + len(part.names))]
            key = attribute.key, values[part.id]
            if key not in known:
                there = values[part.id] is not None
                known[key] = part.make(values) if there else None
            own.__dict__[attribute.key] = known[key]
        return own


def _loads_along(mapper: Mapper[Any]) -> bool:
    """Tell whether its rows bring collections, which a row of columns cannot hold."""
    return any(each.lazy == "selectin" for each in mapper.relationships)


def option_of(eager: Eager) -> ORMOption:
    """Load it along: one by a join, many by a query of their own."""
    if not isinstance(eager, QueryableAttribute):
        return eager
    return selectinload(eager) if eager.property.uselist else joinedload(eager)


class _Part:
    """The columns of one class, in one of its roles in a query."""

    def __init__(self, model: type[Any], entity: Any) -> None:
        mapper = inspect(model)
        self.entity = entity
        self.names = [each.key for each in mapper.column_attrs if not each.deferred]
        self.columns = [getattr(entity, name) for name in self.names]
        self.id = self.names.index("id")
        self._model = model
        self._new = mapper.class_manager.new_instance

    @classmethod
    def of(cls, attribute: QueryableAttribute[Any]) -> Self:
        model = attribute.property.mapper.class_
        return cls(model, aliased(model))

    def make(self, values: Sequence[Any]) -> Any:
        made = self._new()
        made.__dict__.update(zip(self.names, values, strict=True))
        # Stored already: whoever adds it to a session changes a row.
        instance_state(made).key = (self._model, (values[self.id],), None)
        return made
