"""What every repository can do."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, ClassVar, cast
from uuid import UUID

from sqlalchemy import (
    Select,
    bindparam,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.orm.interfaces import ORMOption

from app.platform.database.engine import LivingSession, ReadSession, rows
from app.platform.database.model import Eager, Model, Shape, Versioned, option_of
from app.platform.database.postgresql import (
    UNSETTLED,
    constraint_of,
    insert_unless_there,
)
from app.platform.database.sorting import (
    NEWEST_FIRST,
    Page,
    Position,
    Sort,
    ids_of,
    let_go,
)
from app.platform.errors import (
    Conflict,
    DomainError,
    NotFound,
    PreconditionFailed,
)

# What is removed just between the two statements of a turn is there for neither.
_TURNS = 3
# The order in which rows are followed, and the key before every other.
FOLLOWED = "transaction"
_FIRST = UUID(int=0)

type Refusals = Sequence[tuple[str, Callable[[], DomainError]]]
# Collections, each with what is wrong with the id of a row that is not there.
type Links = Sequence[tuple[InstrumentedAttribute[Any], Callable[[], DomainError]]]


class Repository[M: Model]:
    """A collection of rows that reads as a collection of objects."""

    model: type[M]
    not_found: Callable[[UUID], NotFound]
    # Relationships that are loaded along with every row, so that nothing is loaded one
    # by one; or options of the ORM, for what relationships cannot say.
    eager: ClassVar[Sequence[Eager]] = ()
    # By column: what is wrong with a value that another row has already, and with the
    # key of a row that is not there. By the name of a CHECK: what is wrong with a row
    # that it refuses.
    taken: ClassVar[Refusals] = ()
    unknown: ClassVar[Refusals] = ()
    broken: ClassVar[Refusals] = ()
    links: ClassVar[Links] = ()

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        # References that this transaction has set: by row and column.
        self._set: set[tuple[UUID, str]] = set()

    async def find(self, key: UUID) -> M | None:
        if (shape := self._shape()) and isinstance(self.session, ReadSession):
            found = await rows(self.session, shape.by_key(), {"key": key})
            return next(iter(shape.objects(found)), None)
        row: M | None = await self.session.scalar(self._by_key(), {"key": key})
        return row

    async def all(self, query: Select[M]) -> Sequence[M]:
        """Give all that a query finds, with what is loaded along with it."""
        shape = self._shape()
        if shape and isinstance(self.session, ReadSession) and shape.tells(query):
            return shape.objects(await rows(self.session, *shape.ask(query)))
        return (await self.session.scalars(query.options(*self._options()))).all()

    @classmethod
    @cache
    def _by_key(cls) -> Select[M]:
        """Build the query once: that takes longer than to send it."""
        query = select(cls.model).where(cls.model.id == bindparam("key"))
        return query.options(*cls._options())

    @classmethod
    @cache
    def _shape(cls) -> Shape[M] | None:
        return Shape.of(cls.model, cls.eager)

    @classmethod
    @cache
    def _options(cls) -> Sequence[ORMOption]:
        return [option_of(each) for each in cls.eager]

    async def get(self, key: UUID) -> M:
        found = await self.find(key)
        if found is None:
            raise type(self).not_found(key)
        return found

    async def get_version(self, key: UUID, version: int | None) -> M:
        """Get the version that the caller has seen, or any if they name none."""
        found = await self.get(key)
        now = found.version if isinstance(found, Versioned) else None
        if version not in {None, now}:
            raise PreconditionFailed(f"It is at version {now} now, not {version}.")
        return found

    async def reload(self, row: M) -> M:
        """
        Read it anew with what it refers to.

        What it has been made to refer to must not be deleted. A reference that has not
        changed is not judged again, so that the row itself stays changeable.
        """
        if not self.eager and not self.unknown and self._living.keeps(row):
            return row
        query = select(self.model).where(self.model.id == row.id)
        query = query.options(*self._options())
        query = query.execution_options(populate_existing=True)
        found = (await self.session.scalars(query)).one()
        for column, refusal in self.unknown:
            there = getattr(found, column.removesuffix("_id"))
            if there is None and (row.id, column) in self._set:
                raise refusal()
        return found

    async def add(self, row: M) -> M:
        """
        Insert it, so that the constraint and not a prior read is the judge.

        A refusal ends the unit of work, unless this is within `unit.savepoint()`. There
        it is raised here; elsewhere a row of which all is known may wait for the next
        statement, or for what the commit writes, and the refusal with it.
        """
        self.session.add(row)
        self._note_links(row)
        if not self._living.let_wait(row, partial(self._refusing, row)):
            await self.save(row)
        return row

    @property
    def _living(self) -> LivingSession:
        return cast("LivingSession", self.session.sync_session)

    async def get_or_add(self, row: M, *unique: str) -> M:
        """
        Get the living row that has the same unique values, or insert this one.

        `unique` are the columns of a unique index. Of several that do this at once
        one inserts, and all get that row: its id tells whose it was.
        """
        same = [getattr(self.model, name) == getattr(row, name) for name in unique]
        query = select(self.model).where(*same).options(*self._options())
        for _ in range(_TURNS):
            with self._refusing(row):
                added = await insert_unless_there(self.session, row, unique)
            found: M | None = added or await self.session.scalar(query)
            if found is not None:
                return found
        raise Conflict("It appears and disappears at the same time.")

    async def linked(self, values: dict[str, Any]) -> dict[str, Any]:
        """
        Put the rows of a collection in the place of their ids.

        Each must be there, and is until this transaction ends.
        """
        for collection, refusal in self.links:
            relation = inspect(self.model).relationships[collection.key]
            keys = values.pop(ids_of(relation), None)
            if keys is not None:
                model: type[Model] = relation.mapper.class_
                # Who removes one of them waits, or has removed it before this looks.
                lock = select(model).with_for_update(read=True, key_share=True)
                query = lock.where(model.id.in_(keys)).order_by(model.id)
                found = (await self.session.scalars(query)).unique().all()
                if len(found) < len({*keys}):
                    raise refusal()
                values[collection.key] = [*found]
        return values

    async def save(self, row: M) -> None:
        """Send the changes now. Raises when another transaction was faster."""
        self._note_links(row)
        with self._refusing(row):
            await self.session.flush()

    def _note_links(self, row: M) -> None:
        changes = inspect(row).attrs
        for column, _ in self.unknown:
            if any(value is not None for value in changes[column].history.added or ()):
                self._set.add((row.id, column))

    @contextmanager
    def _refusing(self, row: M) -> Iterator[None]:
        held = dict(inspect(row).dict)
        try:
            yield
        except IntegrityError as error:
            refusal = self.refusal(_copy(row, held), constraint_of(error))
            if refusal is None:
                raise
            raise refusal from error
        except StaleDataError as error:
            raise PreconditionFailed("It has changed since you read it.") from error

    def refusal(self, row: M, constraint: str | None) -> DomainError | None:
        """Say what a violated constraint means to the domain; None if nothing."""
        table = self.model.__tablename__
        kind, _, column = (constraint or "").partition(f"_{table}_")
        kinds = {"ix": self.taken, "fk": self.unknown, "ck": self.broken}
        refusals = kinds.get(kind, ())
        return next((refusal() for name, refusal in refusals if name == column), None)

    async def remove(self, row: M) -> None:
        """
        Hide the row from every query; it stays in the table.

        Refused while rows that are not deleted need it. A reference that may be null
        lets go of it.
        """
        await let_go(self.session, row)
        row.deleted_at = func.now()
        await self.save(row)

    async def page(
        self,
        query: Select[M],
        *,
        after: Position | None,
        limit: int,
        sort: str = NEWEST_FIRST,
    ) -> Page[M]:
        """Walk the query in an order, seeking by key rather than by offset."""
        walk = Sort(self.model, sort)
        if after is not None:
            query = walk.seek(query, after)
        # One row more than asked tells whether there is a next page, without a count.
        found = await self.all(walk.apply(query).limit(limit + 1))
        items = found[:limit]
        return Page(items, walk.position(items[-1]) if len(found) > limit else None)

    async def follow(
        self,
        query: Select[M] | None = None,
        *,
        after: Position | None,
        limit: int = 100,
    ) -> Sequence[tuple[Position, M]]:
        """
        Read on in the order in which rows were added or changed, of a `Followed` model.

        A row waits until every transaction that began to write before its own has
        ended, so that none is added later behind a place that was passed.
        """
        walk = Sort(self.model, FOLLOWED)
        query = select(self.model) if query is None else query
        if after is not None:
            query = walk.seek(query, after)
        query = query.where(getattr(self.model, FOLLOWED) < UNSETTLED)
        found = await self.all(walk.apply(query).limit(limit))
        return [(walk.position(row), row) for row in found]


async def last_place(session: AsyncSession) -> Position:
    """Give the place behind all that `Repository.follow` finds now."""
    number = await session.scalar(select(UNSETTLED))
    return Position(_FIRST, FOLLOWED, str(number))


def _copy(row: Any, values: dict[str, Any]) -> Any:
    """Keep what a refusal may name: a rollback makes a stored row forget its values."""
    mapper = inspect(type(row))
    copy = mapper.class_manager.new_instance()
    for name in mapper.attrs.keys() & values.keys():
        set_committed_value(copy, name, values[name])
    return copy
