"""Answers already given: found by key, stored with their effect, purged when old."""

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
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


async def purge_expired(session: AsyncSession, *, batch: int) -> int:
    """Delete up to a batch of expired answers; several may do so at once."""
    expired = (
        select(IdempotencyKey.key_hash)
        .where(IdempotencyKey.expires_at <= func.now())
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    purged = await session.scalars(
        delete(IdempotencyKey)
        .where(IdempotencyKey.key_hash.in_(expired))
        .returning(IdempotencyKey.key_hash),
        execution_options={"synchronize_session": False},
    )
    return len(purged.all())
