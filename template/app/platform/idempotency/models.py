"""Answers that are kept, so that a repetition gets the same one."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import Interval, Text, and_, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base
from app.platform.database.engine import LivingSession, rows
from app.platform.database.postgresql import Json, try_lock, upsert
from app.platform.database.postgresql_text import Write


class IdempotencyKey(Base):
    """
    One answer, kept until it expires.

    The key itself is not stored, only a hash of it and of what it was sent to.
    """

    __tablename__ = "idempotency_keys"

    key_hash: Mapped[bytes] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[bytes]
    status: Mapped[int]
    headers: Mapped[list[tuple[str, str]]] = mapped_column(Json)
    body: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), default=None, init=False
    )


class Claim(NamedTuple):
    """Whether nobody else is at it, and what was answered if anything was."""

    now: datetime
    is_held: bool
    fingerprint: bytes | None
    status: int
    headers: list[tuple[str, str]]
    body: bytes


_ANSWER = ("fingerprint", "status", "headers", "body")
_NOW = func.now()
_LOCK = select(try_lock(bindparam("name", type_=Text)).label("is_held")).subquery()
# One round trip for both. The answer of who held the lock till just now may not be seen
# yet, so it stays: what is stored judges.
_CLAIM = select(
    _NOW, _LOCK.c.is_held, *(getattr(IdempotencyKey, name) for name in _ANSWER)
).outerjoin_from(
    _LOCK,
    IdempotencyKey,
    and_(
        IdempotencyKey.key_hash == bindparam("key_hash"),
        IdempotencyKey.expires_at > _NOW,
    ),
)
_ROW = ("key_hash", "scope", *_ANSWER)
_STORE = upsert(
    IdempotencyKey,
    {
        **{name: bindparam(name) for name in _ROW},
        "expires_at": _NOW + bindparam("retention", type_=Interval),
        "created_at": _NOW,
    },
    change=("scope", *_ANSWER, "expires_at", "created_at"),
    when=IdempotencyKey.expires_at <= _NOW,
)


async def claim(session: AsyncSession, key_hash: bytes) -> Claim:
    """Take a key until the transaction ends, and look for an answer not yet expired."""
    values = {"name": f"idempotency:{key_hash.hex()}", "key_hash": key_hash}
    [found] = await rows(session, _CLAIM, values)
    claimed = Claim._make(found)
    cast("LivingSession", session.sync_session).know_time(claimed.now)
    return claimed


def storing(*, retention: timedelta, **answer: Any) -> Write:
    """Store an answer, unless one with the same key has not expired."""
    return _STORE, answer | {"retention": retention}
