"""Answers already given: found by key, stored with their effect."""

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.idempotency.models import IdempotencyKey


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
    row = answer | {"expires_at": func.now() + retention, "created_at": func.now()}
    statement = insert(IdempotencyKey).values(row)
    await session.execute(
        statement.on_conflict_do_update(index_elements=["key_hash"], set_=row)
    )
