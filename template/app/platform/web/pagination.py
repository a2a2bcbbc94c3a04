"""Pages, as the client sees them: a bounded list and a cursor to send back."""

from collections.abc import Sequence
from typing import Annotated, Self

from fastapi import Depends, Query
from pydantic import BaseModel

from app.platform.database import Page
from app.platform.web.cursor import InvalidCursor, decode_cursor, encode_cursor

__all__ = ["InvalidCursor", "PageDep", "PageRead"]

MAX_LIMIT = 100
_CURSOR = "`next_cursor` of the page before."


class PageRead[T](BaseModel):
    """One page of a list; `next_cursor` is null on the last."""

    items: Sequence[T]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[T]) -> Self:
        cursor = encode_cursor(page.next) if page.next else None
        return cls(items=page.items, next_cursor=cursor)


class PageParams:
    def __init__(
        self,
        cursor: Annotated[str | None, Query(description=_CURSOR)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
    ) -> None:
        self.after = None if cursor is None else decode_cursor(cursor)
        self.limit = limit


PageDep = Annotated[PageParams, Depends()]
