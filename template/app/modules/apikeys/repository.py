"""Where API keys are kept. The only file of the module that speaks SQL."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import extract, func, or_, select, update

from app.modules.apikeys.errors import ApiKeyNotFound
from app.modules.apikeys.models import ApiKey
from app.platform.database import Repository
from app.platform.database.postgresql import from_now

# How exactly the last use is known.
TOUCHED = timedelta(minutes=1)


class Found(NamedTuple):
    key: ApiKey
    seconds_left: float


class ApiKeyRepository(Repository[ApiKey]):
    model = ApiKey
    not_found = ApiKeyNotFound

    async def find_good(self, prefix: str) -> Found | None:
        """Find one that has neither expired nor been revoked."""
        left = extract("epoch", ApiKey.expires_at - func.now())
        query = select(ApiKey, left).where(
            ApiKey.prefix == prefix, ApiKey.expires_at > func.now()
        )
        row = (await self.session.execute(query)).one_or_none()
        return Found(row[0], float(row[1])) if row else None

    async def touch(self, key_id: UUID) -> None:
        """Note that it is used, unless that was noted just now."""
        used = ApiKey.last_used_at
        stale = or_(used.is_(None), used < from_now(-TOUCHED))
        await self.session.execute(
            update(ApiKey)
            .where(ApiKey.id == key_id, stale)
            .values(last_used_at=func.now())
        )

    async def of(self, owner_id: str, *, limit: int) -> Sequence[ApiKey]:
        query = select(ApiKey).where(ApiKey.owner_id == owner_id)
        return await self.all(query.order_by(ApiKey.id.desc()).limit(limit))

    async def find_by_prefix(self, prefix: str) -> ApiKey | None:
        query = select(ApiKey).where(ApiKey.prefix == prefix)
        found: ApiKey | None = await self.session.scalar(query)
        return found

    async def let_expire(self, key: ApiKey, *, within: timedelta) -> None:
        await self.session.execute(
            update(ApiKey)
            .where(ApiKey.id == key.id)
            .values(expires_at=func.least(ApiKey.expires_at, from_now(within)))
        )
