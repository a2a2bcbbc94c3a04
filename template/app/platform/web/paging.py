"""Keyset pages and streams of events: the cursor, and how a client asks for more."""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from hashlib import blake2b
from inspect import signature
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Depends, Header, Query, Request
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.database import Database, Model, Page, Position
from app.platform.database.repository import FOLLOWED, last_place
from app.platform.errors import DomainError

_CHECKSUM_BYTES = 5
_KEY_BYTES = 16
_SHORTEST = 28
_LONGEST = 2048


class InvalidCursor(DomainError):
    """The cursor was not issued by this API."""


def encode_cursor(position: Position) -> str:
    raw = position.key.bytes
    if position != Position(position.key):
        # The order is spelt, unless it is the usual one.
        raw += f"{position.sort}\n{position.value}".encode()
    return urlsafe_b64encode(raw + _checksum(raw)).decode()


def decode_cursor(cursor: str) -> Position:
    """Read a cursor. One that was changed on the way is refused, not misread."""
    try:
        position = _position(cursor)
    except ValueError:
        position = None
    if position is None or encode_cursor(position) != cursor:
        raise InvalidCursor("The cursor is not one that this API issued.")
    return position


def _position(cursor: str) -> Position:
    if not _SHORTEST <= len(cursor) <= _LONGEST:
        raise ValueError("no cursor has this length")
    raw = urlsafe_b64decode(cursor)[:-_CHECKSUM_BYTES]
    key, rest = UUID(bytes=raw[:_KEY_BYTES]), raw[_KEY_BYTES:].decode()
    sort, _, value = rest.partition("\n")
    return Position(key, sort, value) if rest else Position(key)


def _checksum(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=_CHECKSUM_BYTES).digest()


MAX_LIMIT = 100
_CURSOR = "`next_cursor` of the page before."


class PageRead[T](BaseModel):
    """One page of a list; `next_cursor` is null on the last."""

    # A list: pydantic writes no other sequence without the help of Python.
    items: list[T]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[T]) -> Self:
        cursor = encode_cursor(page.next) if page.next else None
        return cls(items=list(page.items), next_cursor=cursor)


def made(kind: Callable[..., object]) -> Any:
    """
    Depend on an object of a class, made from the parameters of its constructor.

    `Depends(kind)` would call the class on another thread, as FastAPI does with all
    that is not a coroutine: that costs more than most requests take.
    """

    async def make(**values: Any) -> object:
        return kind(**values)

    make.__signature__ = signature(kind)  # type: ignore[attr-defined]
    return Depends(make)


class PageParams:
    def __init__(
        self,
        cursor: Annotated[str | None, Query(description=_CURSOR)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
    ) -> None:
        self.after = None if cursor is None else decode_cursor(cursor)
        self.limit = limit


PageDep = Annotated[PageParams, made(PageParams)]


_SEEN = "The `id` of the last event that was seen: what came later is sent first."
_SECOND = timedelta(seconds=1)
_LARGEST = 10**18

type Found[M: Model] = Sequence[tuple[Position, M]]
type Look[M: Model] = Callable[[AsyncSession, Position], Awaitable[Found[M]]]


class EventStream:
    """Events of rows as they come, which a client goes on with when it comes back."""

    def __init__(
        self,
        request: Request,
        last_event_id: Annotated[str | None, Header(description=_SEEN)] = None,
    ) -> None:
        self._database: Database = request.state.platform.database
        self._after = None if last_event_id is None else _place(last_event_id)

    async def tell[M: Model](
        self, look: Look[M], shown: type[BaseModel], *, every: timedelta = _SECOND
    ) -> AsyncIterator[ServerSentEvent]:
        """
        Tell of each row that `look` finds, and look again after a while.

        Whoever comes for the first time hears of what happens from then on. No session
        is held while the client reads.
        """
        after = self._after
        if after is None:
            async with self._database.read_session() as session:
                after = await last_place(session)
            yield ServerSentEvent(id=encode_cursor(after))
        while True:
            async with self._database.read_session() as session:
                found = await look(session, after)
            for after, row in found:
                data = shown.model_validate(row)
                yield ServerSentEvent(data=data, id=encode_cursor(after))
            if not found:
                await asyncio.sleep(every.total_seconds())


def _place(last_event_id: str) -> Position:
    """Read it before the response begins: then it is too late for a problem."""
    place = decode_cursor(last_event_id)
    known = place.sort == FOLLOWED and place.value.isdecimal()
    if not known or int(place.value) > _LARGEST:
        raise InvalidCursor("The id is not one of an event of this stream.")
    return place


EventStreamDep = Annotated[EventStream, made(EventStream)]
