"""Identity by the signed tokens of an OpenID Connect provider: a resource server."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, Self
from urllib.parse import urlsplit

import jwt
from pydantic import HttpUrl, field_validator

from app.platform.configuration import Refusal, Section, refuse_url
from app.platform.database import Owned
from app.platform.http import HttpClient
from app.platform.identity import Scheme
from app.platform.identity.provider import Provider
from app.platform.identity.tokens import (
    LEEWAY_SECONDS,
    Header,
    Proof,
    Tokens,
    refusal,
)
from app.platform.observability.context import OPAQUE, Kind, Principal

# None that a secret which both sides know would do for.
ALGORITHMS = ("RS256", "ES256", "EdDSA")
_CLAIMS = ["iss", "aud", "sub", "iat", "exp"]
_HASHED = "sha256:"


class OidcIdentitySettings(Section):
    """`IDENTITY__*` in the environment."""

    issuer: str = "http://localhost:9000"
    """The provider, letter for letter as it calls itself in its tokens."""
    audience: str = ""
    """What the provider calls this service: its name, unless this says otherwise."""
    algorithms: str = ",".join(ALGORITHMS)
    """Which of RS256, ES256 and EdDSA are believed, with commas."""
    types: str = "at+jwt,JWT"
    """What `typ` may say, with commas; JWT alone is also what says nothing."""
    scope_claims: str = "scope,scp"
    """Which claims hold scopes, as words or a list, such as `realm_access.roles`."""
    tenant_claim: str = ""
    """Which claim names the tenant; a token without it is refused then."""

    @field_validator("issuer")
    @classmethod
    def _refuse_no_url(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if not parts.hostname or parts.scheme not in {"https", "http"}:
            raise ValueError("must be a URL")
        if parts.query or parts.fragment or not OPAQUE.fullmatch(issuer):
            raise ValueError("has more than host and path")
        return issuer

    @field_validator("algorithms")
    @classmethod
    def _refuse_unsafe_ones(cls, algorithms: str) -> str:
        if not set(_words(algorithms)) <= set(ALGORITHMS):
            raise ValueError(f"can be {', '.join(ALGORITHMS)}")
        return algorithms

    def unsafe(self) -> Iterator[Refusal]:
        if not self.issuer.startswith("https://"):
            yield Refusal("issuer", "is not https://")
        yield from refuse_url("issuer", HttpUrl(self.issuer))


class OidcIdentity:
    """Believes what a key of the provider has signed for this service."""

    scheme = Scheme(
        "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )

    def __init__(
        self, settings: OidcIdentitySettings, http: HttpClient, service: str
    ) -> None:
        self._settings = settings
        self._audience = settings.audience or service
        self._types = {each.lower() for each in _words(settings.types)}
        algorithms = _words(settings.algorithms)
        self.provider = Provider(http, settings.issuer, algorithms)
        self._tokens = Tokens(self.provider.find, self._read)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: OidcIdentitySettings, http: HttpClient, *, service: str
    ) -> AsyncIterator[Self]:
        Owned.enforced = True
        identity = cls(settings, http, service)
        try:
            yield identity
        finally:
            identity.provider.close()

    async def prove(self, token: str) -> Principal:
        return await self._tokens.bearer(token)

    async def check(self) -> None:
        await self.provider.reach()

    def _read(self, token: str, header: Header, key: jwt.PyJWK) -> Proof:
        kind = str(header.get("typ", "JWT")).lower().removeprefix("application/")
        if kind not in self._types:
            raise refusal("The token is of another kind.")
        claims = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._audience,
            issuer=self._settings.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": _CLAIMS, "enforce_minimum_key_length": True},
        )
        return Proof(self._principal(claims), float(claims["exp"]) + LEEWAY_SECONDS)

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        named = _words(self._settings.scope_claims)
        scopes = {each for name in named for each in _listed(_claim(claims, name))}
        tenant = None
        if self._settings.tenant_claim:
            tenant = _claim(claims, self._settings.tenant_claim)
            if not isinstance(tenant, str):
                raise refusal("The token names no tenant.")
        return Principal(
            _id(claims["iss"], claims["sub"]),
            tenant,
            _kind(claims),
            # No route can ask for a scope that is called otherwise.
            frozenset(filter(OPAQUE.fullmatch, scopes)),
        )


def _id(issuer: str, subject: str) -> str:
    """Name a subject of this issuer, without an address: ids stand in logs."""
    if not subject:
        raise refusal("The token names nobody.")
    name = f"{issuer}|{subject}"
    if OPAQUE.fullmatch(name) and not subject.startswith(_HASHED):
        return name
    return f"{issuer}|{_HASHED}{sha256(subject.encode()).hexdigest()}"


def _kind(claims: Mapping[str, Any]) -> Kind:
    """Tell who acts for itself: a client that is its own subject (RFC 9068, 2.2)."""
    clients = {claims.get("client_id"), claims.get("azp")}
    return "service" if claims["sub"] in clients else "user"


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """Find it by its name, which may have dots, or along a path."""
    if name in claims:
        return claims[name]
    head, _, rest = name.partition(".")
    inner = claims.get(head)
    return _claim(inner, rest) if rest and isinstance(inner, dict) else None


def _listed(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [str(each) for each in value] if isinstance(value, list) else []


def _words(said: str) -> list[str]:
    return [each.strip() for each in said.split(",") if each.strip()]
