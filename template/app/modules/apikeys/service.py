"""What can be done with API keys, and by whom."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app.modules.apikeys.errors import ScopeNotHeld, TooManyKeys
from app.modules.apikeys.models import ApiKey, Secret
from app.modules.apikeys.repository import ApiKeyRepository
from app.modules.apikeys.schemas import ApiKeyDraft, Rotation
from app.platform.observability import context

MOST_KEYS = 50


class Made(NamedTuple):
    key: ApiKey
    secret: str


class ApiKeyService:
    """Makes, rotates and revokes keys. Never commits: whoever opened the unit does."""

    def __init__(self, keys: ApiKeyRepository, environment: str) -> None:
        self._keys = keys
        self._environment = environment

    async def create(self, draft: ApiKeyDraft) -> Made:
        """Make a key of who asks, with scopes that it has itself."""
        caller = context.caller()
        lacking = set(draft.scopes) - caller.scopes
        if lacking and context.ADMIN not in caller.scopes:
            raise ScopeNotHeld(sorted(lacking))
        if len(await self._keys.of(caller.id, limit=MOST_KEYS)) == MOST_KEYS:
            raise TooManyKeys(MOST_KEYS)
        return await self.make(draft, owner_id=caller.id, tenant=caller.tenant)

    async def make(
        self, draft: ApiKeyDraft, *, owner_id: str, tenant: str | None
    ) -> Made:
        """Make a key of somebody, whoever asks."""
        expires_at = datetime.now(UTC) + timedelta(days=draft.days)
        scopes = " ".join(sorted(set(draft.scopes)))
        return await self._add(draft.name, scopes, expires_at, owner_id, tenant)

    async def list_own(self) -> Sequence[ApiKey]:
        return await self._keys.of(context.caller().id, limit=MOST_KEYS)

    async def rotate(self, key_id: UUID, rotation: Rotation) -> Made:
        """Make its successor, which lasts as long; both are good for a while."""
        old = await self._keys.get(key_id)
        lasting = old.expires_at - old.created_at
        made = await self._add(
            old.name, old.scopes, datetime.now(UTC) + lasting, old.owner_id, old.tenant
        )
        overlap = timedelta(hours=rotation.overlap_hours)
        await self._keys.let_expire(old, within=overlap)
        await self._keys.note("api_key_rotated", old)
        return made

    async def revoke(self, key_id: UUID) -> None:
        key = await self._keys.get(key_id)
        await self._keys.remove(key)
        await self._keys.note("api_key_revoked", key)

    async def _add(
        self,
        name: str,
        scopes: str,
        expires_at: datetime,
        owner_id: str,
        tenant: str | None,
    ) -> Made:
        secret = Secret.new(self._environment)
        key = ApiKey(
            name=name,
            prefix=secret.prefix,
            digest=secret.digest,
            scopes=scopes,
            tenant=tenant,
            expires_at=expires_at,
        )
        key.owner_id = owner_id
        await self._keys.add(key)
        await self._keys.note("api_key_made", key)
        return Made(key, secret.text)
