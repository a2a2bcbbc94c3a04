"""Who stands before every route where a key may be shown instead of a token."""

import hmac
from collections.abc import Mapping
from time import monotonic
from typing import Any

import structlog
from starlette.types import Scope

from app.modules.apikeys.dependencies import BY_KEY
from app.modules.apikeys.models import Secret
from app.modules.apikeys.repository import ApiKeyRepository, Found
from app.platform.database import Database
from app.platform.identity import CredentialsRefused
from app.platform.identity.guard import CredentialsMalformed, admit
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.web.policy import ANYBODY, Access, Guard

log = structlog.get_logger(__name__)

SCHEME = "apiKey"
_BEARER = b"bearer "
_BEGINS = b"sk_"
# How long a key is believed without a look: so long may a revoked one go on.
PROOF_SECONDS = 10.0
REMEMBERED = 4096


class KeyGuard:
    """Takes an API key as a bearer, and leaves whoever shows none to another guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        # By digest: what is held is no key.
        self._proved: dict[bytes, tuple[Principal, float]] = {}

    async def judge(self, scope: Scope, access: Access | None) -> None:
        shown = None if access == ANYBODY else _shown(scope)
        if shown is None:
            await self._guard.judge(scope, access)
            return
        platform = scope["state"]["platform"]
        secret = Secret.read(shown, platform.settings.environment)
        if secret is None:
            raise _refusal()
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
                found = await ApiKeyRepository(session).find_good(secret.prefix)
            if not found or not hmac.compare_digest(found.key.digest, secret.digest):
                raise _refusal()
            await _touch(found, database)
        key, seconds = found.key, min(PROOF_SECONDS, found.seconds_left)
        scopes = frozenset(key.scopes.split())
        principal = Principal(key.owner_id, key.tenant, "service", scopes)
        if len(self._proved) >= REMEMBERED:
            self._proved.clear()
        self._proved[secret.digest] = principal, monotonic() + seconds
        return principal


def _shown(scope: Scope) -> str | None:
    given: list[bytes] = [
        value for name, value in scope["headers"] if name == b"authorization"
    ]
    said = [value[len(_BEARER) :].strip() for value in given if _is_bearer(value)]
    if not any(each.startswith(_BEGINS) for each in said):
        return None
    if len(given) > 1:
        raise CredentialsMalformed("There is more than one Authorization header.")
    return said[0].decode("latin-1")


def _is_bearer(value: bytes) -> bool:
    return value[: len(_BEARER)].lower() == _BEARER


async def _touch(found: Found, database: Database) -> None:
    try:
        async with database.unit_of_work() as unit:
            await ApiKeyRepository(unit.session).touch(found.key.id)
    except Exception:
        # A database that cannot write now is no reason to refuse a key.
        log.warning("api_keys.use_not_noted", exc_info=True)


def _refusal() -> CredentialsRefused:
    return CredentialsRefused(
        "The key is not good here, or not any more.",
        scheme='Bearer error="invalid_token"',
    )
