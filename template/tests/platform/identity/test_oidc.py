from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from app.platform.http import HttpClient
from app.platform.identity import CredentialsRefused
from app.platform.identity.oidc import OidcIdentity, OidcIdentitySettings
from app.settings import Settings
from tests.fixtures.identity_oidc import NAME, LocalProvider, SigningKey
from tests.fixtures.service import Service
from tests.platform.identity.contract import Forger, SignedTokensContract


async def proved(
    http: HttpClient, provider: LocalProvider, settings: dict[str, Any], **said: Any
) -> Any:
    own = OidcIdentitySettings(issuer=provider.issuer, **settings)
    async with OidcIdentity.open(own, http, service=NAME) as identity:
        return await identity.prove(provider.token(NAME, **said))


class TestProve(SignedTokensContract):
    @pytest.fixture
    def forger(self, service: Service, provider: LocalProvider) -> Forger:
        name = service.platform.settings.service_name
        [key] = provider.keys
        return Forger(key.kid, key.private, provider.issuer, name)

    @pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
    async def test_believes_each_algorithm(
        self, identity: OidcIdentity, provider: LocalProvider, algorithm: str
    ) -> None:
        provider.keys = [SigningKey.new(algorithm)]

        principal = await identity.prove(provider.token(NAME, sub="ada"))

        assert principal.id == f"{provider.issuer}|ada"

    async def test_refuses_an_algorithm_that_is_not_listed(
        self, http: HttpClient, provider: LocalProvider
    ) -> None:
        provider.keys = [SigningKey.new("RS256"), SigningKey.new("ES256")]

        with pytest.raises(CredentialsRefused):
            await proved(http, provider, {"algorithms": "ES256"})

    async def test_checks_with_the_keys_own_algorithm(
        self, identity: OidcIdentity, provider: LocalProvider
    ) -> None:
        other = SigningKey.new("ES256", kid=provider.keys[0].kid)

        with pytest.raises(CredentialsRefused):
            await identity.prove(provider.token(NAME, key=other))

    async def test_takes_a_token_for_several_audiences(
        self, identity: OidcIdentity, provider: LocalProvider
    ) -> None:
        token = provider.token(NAME, aud=["https://elsewhere.example", NAME])

        assert await identity.prove(token)

    @pytest.mark.parametrize("kind", ["JWT", "application/at+jwt", None])
    async def test_takes_the_usual_types(
        self, identity: OidcIdentity, provider: LocalProvider, kind: str | None
    ) -> None:
        assert await identity.prove(provider.token(NAME, headers={"typ": kind}))

    async def test_may_want_one_type_only(
        self, http: HttpClient, provider: LocalProvider
    ) -> None:
        with pytest.raises(CredentialsRefused):
            await proved(http, provider, {"types": "at+jwt"}, headers={"typ": "JWT"})


class TestPrincipal:
    @pytest.mark.parametrize(
        ("named", "claims", "scopes"),
        [
            ("scope,scp", {"scope": "read write"}, {"read", "write"}),
            ("scope,scp", {"scp": ["read", "write"]}, {"read", "write"}),
            ("scope,scp", {"scope": "read", "scp": ["write"]}, {"read", "write"}),
            ("scope,scp", {"roles": ["admin"]}, set()),
            ("scope,scp", {"scope": {"admin": True}}, set()),
            ("scope,scp", {"scope": ["my own", 'a"b', 3]}, {"3"}),
            ("realm_access.roles", {"realm_access": {"roles": ["r"]}}, {"r"}),
            ("realm_access.roles", {"realm_access": "roles"}, set()),
            ("https://x.example/r", {"https://x.example/r": ["r"]}, {"r"}),
        ],
    )
    async def test_may_what_the_named_claims_say(
        self,
        http: HttpClient,
        provider: LocalProvider,
        named: str,
        claims: dict[str, Any],
        scopes: set[str],
    ) -> None:
        principal = await proved(http, provider, {"scope_claims": named}, **claims)

        assert principal.scopes == scopes
        assert not principal.sees_all

    @pytest.mark.parametrize(
        ("claims", "kind"),
        [
            ({"client_id": "web"}, "user"),
            ({"azp": "web"}, "user"),
            ({"client_id": "ada"}, "service"),
            ({"azp": "ada"}, "service"),
        ],
    )
    async def test_is_a_service_if_a_client_acts_for_itself(
        self,
        http: HttpClient,
        provider: LocalProvider,
        claims: dict[str, str],
        kind: str,
    ) -> None:
        principal = await proved(http, provider, {}, sub="ada", **claims)

        assert principal.kind == kind
        # The rows of others are there for this service alone.
        assert not principal.sees_all

    @pytest.mark.parametrize(
        "subject", ["app@clients", "sha256:0", "x" * 255, "Ada Lovelace", "\u00e9"]
    )
    async def test_has_no_address_or_name_of_a_person(
        self, http: HttpClient, provider: LocalProvider, subject: str
    ) -> None:
        principal = await proved(http, provider, {}, sub=subject)

        digest = sha256(subject.encode()).hexdigest()
        assert principal.id == f"{provider.issuer}|sha256:{digest}"

    async def test_has_the_tenant_of_its_claim(
        self, http: HttpClient, provider: LocalProvider
    ) -> None:
        settings = {"tenant_claim": "org_id"}

        assert (await proved(http, provider, settings, org_id="acme")).tenant == "acme"
        for said in ({}, {"org_id": ""}, {"org_id": 1}, {"org_id": "a b"}):
            with pytest.raises(CredentialsRefused):
                await proved(http, provider, settings, **said)


class TestSettings:
    @pytest.mark.parametrize(
        "said",
        [
            {"algorithms": "HS256"},
            {"algorithms": "RS256,none"},
            {"issuer": "id.example.com"},
            {"issuer": "ftp://id.example.com"},
            {"issuer": "https://id.example.com/?tenant=1"},
        ],
    )
    def test_refuse_what_makes_no_sense(self, said: dict[str, str]) -> None:
        with pytest.raises(ValidationError):
            OidcIdentitySettings(**said)

    @pytest.mark.parametrize("issuer", ["", "http://id.example.com"])
    def test_want_tls_outside_development(
        self, monkeypatch: pytest.MonkeyPatch, issuer: str
    ) -> None:
        monkeypatch.setenv("ENVIRONMENT", "production")
        monkeypatch.setenv("IDENTITY__ISSUER", issuer)

        with pytest.raises(SystemExit, match="IDENTITY__ISSUER is not https://"):
            Settings.load()
