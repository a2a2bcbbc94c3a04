"""Answers that are kept, so that a repetition gets the same one."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base
from app.platform.database.postgresql import Json, from_now, upsert


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


async def find_answer(session: AsyncSession, key_hash: bytes) -> IdempotencyKey | None:
    """Look up an answer that has not expired."""
    query = select(IdempotencyKey).where(
        IdempotencyKey.key_hash == key_hash, IdempotencyKey.expires_at > func.now()
    )
    found: IdempotencyKey | None = await session.scalar(query)
    return found


async def store_answer(
    session: AsyncSession, *, retention: timedelta, **answer: Any
) -> None:
    """Store an answer, in the place of an expired one with the same key."""
    row = answer | {"expires_at": from_now(retention), "created_at": func.now()}
    await upsert(session, IdempotencyKey, row, change=list(row))
