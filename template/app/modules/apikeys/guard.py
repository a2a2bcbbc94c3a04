"""Who stands before every route where a key may be shown instead of a token."""

from collections.abc import Awaitable, Callable, Mapping
from math import inf
from time import monotonic
from typing import Any

import structlog
from starlette.types import Scope

from app.modules.apikeys.dependencies import BY_KEY
from app.modules.apikeys.models import ApiKey, Secret
from app.modules.apikeys.repository import ApiKeyRepository
from app.platform.database import Database
from app.platform.identity import CredentialsRefused
from app.platform.identity.guard import admit, bearer
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.web.policy import ANYBODY, Access, Guard

log = structlog.get_logger(__name__)

SCHEME = "apiKey"
_BEGINS = "sk_"
# How long a key is believed without a look: so long may a revoked one go on.
PROOF_SECONDS = 10.0
REMEMBERED = 4096
# So seldom is one noted that goes on being refused.
REFUSAL_SECONDS = 60.0


class KeyGuard:
    """Takes an API key as a bearer, and leaves whoever shows none to another guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        # By digest: what is held is no key.
        self._proved: dict[bytes, tuple[Principal, float]] = {}
        self._refused: dict[str, float] = {}

    async def judge(self, scope: Scope, access: Access | None) -> None:
        shown = None if access == ANYBODY else bearer(scope)
        if shown is None or not shown.startswith(_BEGINS):
            await self._guard.judge(scope, access)
            return
        platform = scope["state"]["platform"]
        secret = Secret.read(shown, platform.settings.environment)
        if secret is None:
            raise await self._refusal(None, platform.database)
        principal = self._held(secret) or await self._prove(secret, platform.database)
        scope["state"][BY_KEY] = True
        admit(principal, access)

    def describe(
        self, description: dict[str, Any], needs: Mapping[str, Access]
    ) -> None:
        self._guard.describe(description, needs)
        schemes = description["components"]["securitySchemes"]
        schemes[SCHEME] = {"type": "http", "scheme": "bearer", "bearerFormat": "sk_"}
        for path in description["paths"].values():
            for operation in path.values():
                if needed := operation.get("security"):
                    # The first scheme of the other guard names the scopes.
                    needed.append({SCHEME: next(iter(needed[0].values()))})

    def _held(self, secret: Secret) -> Principal | None:
        principal, until = self._proved.get(secret.digest, (None, 0.0))
        return principal if until > monotonic() else None

    async def _prove(self, secret: Secret, database: Database) -> Principal:
        # Nobody is known yet: the service itself looks.
        with context.restore({}):
            async with database.read_session() as session:
                found = await ApiKeyRepository(session).find_ever(secret.prefix)
            good = found if found and found.is_good_with(secret.digest) else None
            if good:
                await _write(database, lambda keys: keys.touch(good.key.id))
        if good is None:
            raise await self._refusal(found.key if found else None, database)
        key, seconds = good.key, min(PROOF_SECONDS, good.seconds_left)
        scopes = frozenset(key.scopes.split())
        principal = Principal(key.owner_id, key.tenant, "service", scopes)
        if len(self._proved) >= REMEMBERED:
            self._proved.clear()
        self._proved[secret.digest] = principal, monotonic() + seconds
        return principal

    async def _refusal(
        self, known: ApiKey | None, database: Database
    ) -> CredentialsRefused:
        """Note it once in a while of each key, and of unknown ones together."""
        which = known.prefix if known else ""
        if monotonic() - self._refused.get(which, -inf) >= REFUSAL_SECONDS:
            if len(self._refused) >= REMEMBERED:
                self._refused.clear()
            self._refused[which] = monotonic()
            await _write(database, lambda keys: keys.note("api_key_refused", known))
        return CredentialsRefused(
            "The key is not good here, or not any more.",
            scheme='Bearer error="invalid_token"',
        )


async def _write(
    database: Database, change: Callable[[ApiKeyRepository], Awaitable[None]]
) -> None:
    try:
        async with database.unit_of_work() as unit:
            await change(ApiKeyRepository(unit.session))
    except Exception:
        # A database that cannot write now changes nothing for who shows a key.
        log.warning("api_keys.not_noted", exc_info=True)
