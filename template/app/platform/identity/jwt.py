"""Identity by signed tokens (RFC 9068), which any process checks by itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from time import time
from typing import Any, NamedTuple, Self
from uuid import UUID, uuid4

import jwt
from pydantic import Field
from sqlalchemy import func, select, update

from app.platform.database import Database, Owned, UnitOfWork
from app.platform.database.database import purge
from app.platform.database.postgresql import from_now
from app.platform.identity import Scheme
from app.platform.identity.keys import Key, Keys, as_set
from app.platform.identity.models import TokenFamily
from app.platform.identity.tokens import (
    LEEWAY_SECONDS,
    Header,
    Proof,
    Tokens,
    refusal,
)
from app.platform.identity.vouching import Vouching, VouchingSettings
from app.platform.observability.context import Principal

# The only one that is believed, whatever a token says of itself.
ALGORITHM = "EdDSA"
TYPE = "at+jwt"
# A header that says more would name a key or a rule of its own.
_HEADER = {"alg", "kid", "typ"}
_CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]
_REFRESH = "refresh"
# Where the API is published may have a prefix, so this begins without one.
_FLOW = {"tokenUrl": "v1/accounts/token", "scopes": {}}


class JwtIdentitySettings(VouchingSettings):
    """`IDENTITY__*` in the environment."""

    access_minutes: int = Field(10, ge=1, le=60)
    """How long a token is believed, and so how long who has logged out may go on."""
    refresh_days: int = Field(30, ge=1, le=365)
    """How long one stays logged in, counted from the log-in."""


class Issued(NamedTuple):
    """What its bearer shows, and for how many seconds it is believed."""

    token: str
    seconds: int


class Claim(NamedTuple):
    """A log-in that nobody else goes on with meanwhile, and whether its turn it is."""

    family: TokenFamily
    is_newest: bool


class RefreshTokens:
    """Believes the newest of a log-in only: an older one is a copy."""

    def __init__(self, vouching: Vouching, lasting: timedelta) -> None:
        self._vouching = vouching
        self._lasting = lasting

    async def begin(self, unit: UnitOfWork, principal_id: str) -> str:
        family = TokenFamily(
            principal_id=principal_id, expires_at=from_now(self._lasting)
        )
        unit.session.add(family)
        await unit.session.flush()
        return self._token(family)

    async def claim(self, unit: UnitOfWork, token: str) -> Claim | None:
        """Find whose log-in a token was made for here, if that is not over."""
        key, _, rest = token.partition(".")
        generation, _, mark = rest.partition(".")
        if not self._vouching.vouched(mark, _REFRESH, key, generation):
            return None
        query = select(TokenFamily).where(
            TokenFamily.id == UUID(key),
            TokenFamily.revoked_at.is_(None),
            TokenFamily.expires_at > func.now(),
        )
        family: TokenFamily | None = await unit.session.scalar(query.with_for_update())
        if family is None:
            return None
        return Claim(family, int(generation) == family.generation)

    async def follow(self, unit: UnitOfWork, family: TokenFamily) -> str:
        """Let another token take the place of the newest one."""
        family.generation += 1
        await unit.session.flush()
        return self._token(family)

    async def end(self, unit: UnitOfWork, family: TokenFamily) -> None:
        family.revoked_at = func.now()
        await unit.session.flush()

    async def end_all(self, unit: UnitOfWork, principal_id: str) -> None:
        await unit.session.execute(
            update(TokenFamily)
            .where(TokenFamily.principal_id == principal_id)
            .where(TokenFamily.revoked_at.is_(None))
            .values(revoked_at=func.now())
        )

    def _token(self, family: TokenFamily) -> str:
        words = str(family.id), str(family.generation)
        mark = self._vouching.vouch(_REFRESH, *words, lasting=self._lasting)
        return ".".join((*words, mark))


class JwtIdentity(Vouching):
    """Believes what one of its own keys has signed."""

    scheme = Scheme("oauth2", {"type": "oauth2", "flows": {"password": _FLOW}})

    def __init__(
        self, settings: JwtIdentitySettings, database: Database, service: str
    ) -> None:
        super().__init__(settings)
        self._service = service
        self._database = database
        self._lasting = timedelta(minutes=settings.access_minutes)
        believed = self._lasting + timedelta(seconds=LEEWAY_SECONDS)
        self.keys = Keys(database, settings, believed)
        logged_in = timedelta(days=settings.refresh_days)
        self.refresh_tokens = RefreshTokens(self, logged_in)
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

    async def end_all(self, unit: UnitOfWork, principal_id: str) -> None:
        await self.refresh_tokens.end_all(unit, principal_id)

    async def granted(self, unit: UnitOfWork, principal_id: str) -> None:
        """Do nothing: the next token says so."""

    async def purge(self) -> int:
        return await purge(self._database, TokenFamily.expires_at)

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
