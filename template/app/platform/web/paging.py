"""Keyset pages: the cursor, and how a client asks for the next one."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from app.platform.database import Page, Position
from app.platform.errors import DomainError
from app.platform.web.dependencies import made

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


class PageParams:
    def __init__(
        self,
        cursor: Annotated[str | None, Query(description=_CURSOR)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
    ) -> None:
        self.after = None if cursor is None else decode_cursor(cursor)
        self.limit = limit


PageDep = Annotated[PageParams, made(PageParams)]
