"""Identity by signed tokens (RFC 9068), which any process checks by itself."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from time import time
from typing import Any, Self
from uuid import uuid4

import jwt
from pydantic import Field, SecretStr

from app.platform.configuration import Refusal, Section
from app.platform.database import Database, Owned
from app.platform.identity import Issued, Scheme
from app.platform.identity.keys import Key, Keys, as_set, derived
from app.platform.identity.tokens import (
    LEEWAY_SECONDS,
    Header,
    Proof,
    Tokens,
    refusal,
)
from app.platform.observability.context import Principal

# The only one that is believed, whatever a token says of itself.
ALGORITHM = "EdDSA"
TYPE = "at+jwt"
# A header that says more would name a key or a rule of its own.
_HEADER = {"alg", "kid", "typ"}
_CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]
SHORTEST_SECRET = 32
DEVELOPMENT = "a-secret-that-is-good-for-development-only"
# Where the API is published may have a prefix, so this begins without one.
_FLOW = {"tokenUrl": "v1/accounts/token", "scopes": {}}


class JwtIdentitySettings(Section):
    """`IDENTITY__*` in the environment."""

    secret: SecretStr = SecretStr(DEVELOPMENT)
    """Seals the keys that sign, which the service makes itself: 32 letters or more."""
    access_minutes: int = Field(10, ge=1, le=60)
    """How long a token is believed, and so how long who has logged out may go on."""

    def unsafe(self) -> Iterator[Refusal]:
        secret = self.secret.get_secret_value()
        if secret == DEVELOPMENT or len(secret) < SHORTEST_SECRET:
            yield Refusal("secret", "is short, or known to all who read the code")


class JwtIdentity:
    """Believes what one of its own keys has signed."""

    scheme = Scheme("oauth2", {"type": "oauth2", "flows": {"password": _FLOW}})

    def __init__(
        self, settings: JwtIdentitySettings, database: Database, service: str
    ) -> None:
        self._service = service
        self._lasting = timedelta(minutes=settings.access_minutes)
        secret = settings.secret.get_secret_value()
        self._vouching = derived(secret, "vouching")
        believed = self._lasting + timedelta(seconds=LEEWAY_SECONDS)
        self.keys = Keys(database, secret, believed)
        self._tokens = Tokens(self.keys.find, self._read)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: JwtIdentitySettings, database: Database, *, service: str
    ) -> AsyncIterator[Self]:
        Owned.enforced = True
        yield cls(settings, database, service)

    async def prove(self, token: str) -> Principal:
        return await self._tokens.bearer(token)

    async def issue(self, principal: Principal) -> Issued:
        key, now = await self.keys.signing(), int(time())
        seconds = int(self._lasting.total_seconds())
        claims = {
            "iss": self._service,
            "aud": self._service,
            "sub": principal.id,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "jti": uuid4().hex,
            "scope": " ".join(sorted(principal.scopes)),
        }
        if principal.tenant is not None:
            claims["tenant"] = principal.tenant
        headers = {"kid": key.kid, "typ": TYPE}
        return Issued(jwt.encode(claims, key.private, ALGORITHM, headers), seconds)

    def vouch(self, *words: str, lasting: timedelta) -> str:
        until = f"{int(time() + lasting.total_seconds()):x}"
        return f"{until}.{self._mark(until, *words)}"

    def vouched(self, token: str, *words: str) -> bool:
        until, _, mark = token.partition(".")
        expected = self._mark(until, *words)
        same = hmac.compare_digest(mark.encode(), expected.encode())
        return same and int(until, 16) >= time()

    async def public_keys(self) -> dict[str, Any]:
        await self.keys.signing()
        return as_set(await self.keys.all())

    async def check(self) -> None:
        await self.keys.all()

    def _read(self, token: str, header: Header, key: Key) -> Proof:
        if header.keys() != _HEADER or header["typ"] != TYPE:
            raise refusal("The token is of another kind.")
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[ALGORITHM],
            audience=self._service,
            issuer=self._service,
            leeway=LEEWAY_SECONDS,
            options={"require": _CLAIMS, "strict_aud": True},
        )
        scopes = frozenset(str(claims.get("scope", "")).split())
        principal = Principal(claims["sub"], claims.get("tenant"), "user", scopes)
        return Proof(principal, float(claims["exp"]) + LEEWAY_SECONDS)

    def _mark(self, *words: str) -> str:
        # What is joined must not be read as other words.
        said = "\n".join(f"{len(word)}:{word}" for word in words)
        digest = hmac.new(self._vouching, said.encode(), sha256).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()
