"""What every repository can do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.orm.interfaces import ORMOption

from app.platform.database.model import Model
from app.platform.database.postgresql import constraint_of
from app.platform.errors import DomainError, NotFound, PreconditionFailed


@dataclass(frozen=True, slots=True)
class Page[T]:
    """One page, and the key of its last item if there is a next one."""

    items: Sequence[T]
    next: UUID | None

    def map[R](self, convert: Callable[[T], R]) -> "Page[R]":
        return Page([convert(item) for item in self.items], self.next)


class Repository[M: Model]:
    """A collection of rows that reads as a collection of objects."""

    model: type[M]
    not_found: Callable[[UUID], NotFound]
    # What is loaded along with every row, so that nothing is loaded one by one.
    eager: ClassVar[Sequence[ORMOption]] = ()

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def find(self, key: UUID) -> M | None:
        query = select(self.model).where(self.model.id == key)
        found: M | None = await self.session.scalar(query.options(*self.eager))
        return found

    async def get(self, key: UUID) -> M:
        found = await self.find(key)
        if found is None:
            raise type(self).not_found(key)
        return found

    async def add(self, row: M) -> M:
        """Insert now, so that the constraint and not a prior read is the judge."""
        self.session.add(row)
        await self.save(row)
        return row

    async def save(self, row: M) -> None:
        """Send the changes now. Raises when another transaction was faster."""
        try:
            await self.session.flush()
        except IntegrityError as error:
            refusal = self.refusal(row, constraint_of(error))
            if refusal is None:
                raise
            raise refusal from error
        except StaleDataError as error:
            raise PreconditionFailed("It has changed since you read it.") from error

    def refusal(self, row: M, constraint: str | None) -> DomainError | None:
        """Say what a violated constraint means to the domain; None if nothing."""
        return None

    async def remove(self, row: M) -> None:
        """Hide the row from every query. It stays in the table."""
        row.deleted_at = func.now()
        await self.save(row)

    async def page(
        self, query: Select[M], *, after: UUID | None, limit: int
    ) -> Page[M]:
        """Walk the query newest first, seeking by key rather than by offset."""
        if after is not None:
            query = query.where(self.model.id < after)
        # One row more than asked tells whether there is a next page, without a count.
        query = query.order_by(self.model.id.desc()).limit(limit + 1)
        found = (await self.session.scalars(query.options(*self.eager))).all()
        items = found[:limit]
        return Page(items, items[-1].id if len(found) > limit else None)
