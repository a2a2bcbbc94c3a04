"""Where API keys are kept. The only file of the module that speaks SQL."""

import hmac
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import extract, func, or_, select, update

from app.modules.apikeys.errors import ApiKeyNotFound
from app.modules.apikeys.models import ApiKey
from app.platform import audit
from app.platform.database import Repository
from app.platform.database.postgresql import from_now

# How exactly the last use is known.
TOUCHED = timedelta(minutes=1)


class Found(NamedTuple):
    """A key that there is or was, and for how long it is good."""

    key: ApiKey
    seconds_left: float

    def is_good_with(self, digest: bytes) -> bool:
        same = hmac.compare_digest(self.key.digest, digest)
        return same and self.seconds_left > 0 and self.key.deleted_at is None


class ApiKeyRepository(Repository[ApiKey]):
    model = ApiKey
    not_found = ApiKeyNotFound

    async def find_ever(self, prefix: str) -> Found | None:
        """Find one that may have expired or been revoked."""
        left = extract("epoch", ApiKey.expires_at - func.now())
        query = select(ApiKey, left).where(ApiKey.prefix == prefix)
        options = {"include_deleted": True}
        found = await self.session.execute(query, execution_options=options)
        row = found.one_or_none()
        return Found(row[0], float(row[1])) if row else None

    async def note(self, kind: str, key: ApiKey | None) -> None:
        """Leave a security event of a key, or of one that nobody knows."""
        whose, about = (key.owner_id, key.prefix) if key else (None, None)
        await audit.note(self.session, kind, whose, about=about)

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

    async def events(self, owner_id: str, *, limit: int) -> Sequence[str]:
        return await audit.events(self.session, owner_id, limit=limit)

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
