import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
from pydantic import ValidationError

from app.platform.http import HttpClient, HttpSettings
from app.platform.identity import CredentialsRefused
from app.platform.identity.oidc import OidcIdentity, OidcIdentitySettings
from app.platform.identity.provider import DISCOVERY, ProviderUnavailable
from app.settings import Settings
from tests.fixtures.identity_oidc import LocalProvider, SigningKey
from tests.fixtures.service import Service, acting
from tests.fixtures.third_party import Behaviour, Stub, answer, drop, hang
from tests.platform.identity.conftest import PATH
from tests.platform.identity.contract import Forger, SignedTokensContract

NAME = "shop"


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient.open(HttpSettings(breaker_failures=1000)) as http:
        yield http


@pytest.fixture
async def identity(
    http: HttpClient, identity_settings: OidcIdentitySettings
) -> AsyncIterator[OidcIdentity]:
    async with OidcIdentity.open(identity_settings, http, service=NAME) as identity:
        yield identity


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the provider for each key that is not known."""
    monkeypatch.setattr("app.platform.identity.provider.ASKED_SECONDS", 0.0)


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


class TestRotation:
    async def test_is_noticed_without_a_restart(
        self, identity: OidcIdentity, provider: LocalProvider, impatient: None
    ) -> None:
        old, new = provider.keys[0], SigningKey.new("ES256")
        before = provider.token(NAME, key=old)
        await identity.prove(before)
        provider.keys = [old, new]

        assert await identity.prove(provider.token(NAME, key=new))
        assert await identity.prove(before)
        provider.keys = [new]
        with pytest.raises(CredentialsRefused):
            await identity.prove(provider.token(NAME, headers={"kid": "unknown"}))
        with pytest.raises(CredentialsRefused):
            await identity.prove(before)

    async def test_is_looked_for_beside_the_requests(
        self,
        identity: OidcIdentity,
        provider: LocalProvider,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        token = provider.token(NAME)
        await identity.prove(token)
        asked = len(provider.stub.received)
        monkeypatch.setattr("app.platform.identity.provider.FRESH_SECONDS", 0.0)
        provider.stub.behaviour = hang

        async with asyncio.timeout(1):
            assert await identity.prove(token)

        while len(provider.stub.received) == asked:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


class TestUnknownKeys:
    async def test_do_not_hammer_the_provider(
        self, identity: OidcIdentity, provider: LocalProvider
    ) -> None:
        tokens = [provider.token(NAME, headers={"kid": str(n)}) for n in range(200)]

        answers = await asyncio.gather(
            *(identity.prove(token) for token in tokens), return_exceptions=True
        )

        assert {type(each) for each in answers} == {CredentialsRefused}
        targets = [each.target for each in provider.stub.received]
        assert targets == [DISCOVERY, "/keys"]

    async def test_are_read_for_all_when_one_who_waits_leaves(
        self, identity: OidcIdentity, provider: LocalProvider
    ) -> None:
        token = provider.token(NAME)
        first = asyncio.create_task(identity.prove(token))
        second = asyncio.create_task(identity.prove(token))
        await asyncio.sleep(0)

        first.cancel()

        assert await second
        assert len(provider.stub.received) == 2


class TestOutage:
    async def test_lets_known_keys_go_on_and_says_503_of_others(
        self,
        service: Service,
        provider: LocalProvider,
        impatient: None,
    ) -> None:
        name = service.platform.settings.service_name
        known = {"Authorization": f"Bearer {provider.token(name)}"}
        other = {
            "Authorization": f"Bearer {provider.token(name, key=SigningKey.new())}"
        }
        assert (await service.client.get(PATH)).status_code == 200
        provider.stub.behaviour = drop

        async with acting(service, other):
            unknown = await service.client.get(PATH)
        async with acting(service, known):
            goes_on = await service.client.get(PATH)

        assert unknown.status_code == 503
        assert unknown.headers["retry-after"] == "5"
        assert unknown.json()["type"] == "/problems/provider-unavailable"
        assert goes_on.status_code == 200

    async def test_is_over_when_it_is(
        self, identity: OidcIdentity, provider: LocalProvider, impatient: None
    ) -> None:
        publish, provider.stub.behaviour = provider.stub.behaviour, drop
        with pytest.raises(ProviderUnavailable):
            await identity.check()
        provider.stub.behaviour = publish

        await identity.check()

        assert await identity.prove(provider.token(NAME))

    @pytest.mark.parametrize(
        "behaviour",
        [
            answer(404),
            answer(302, Location="https://evil.example/"),
            answer(body=b"<html>"),
            answer(body=b'{"keys": []}'),
            answer(body=b'{"keys": [{"kid": "1", "kty": "oct", "k": "AAAA"}]}'),
        ],
    )
    async def test_is_what_an_answer_without_keys_is(
        self,
        http: HttpClient,
        provider: LocalProvider,
        impatient: None,
        behaviour: Behaviour,
    ) -> None:
        token = provider.token(NAME)
        async with Stub.open() as elsewhere:
            elsewhere.behaviour = behaviour
            settings = OidcIdentitySettings(issuer=provider.issuer)
            async with OidcIdentity.open(settings, http, service=NAME) as identity:
                await identity.prove(token)
                provider.says = {"jwks_uri": f"{elsewhere.url}/keys"}
                with pytest.raises(ProviderUnavailable):
                    await identity.prove(provider.token(NAME, headers={"kid": "2"}))

                assert await identity.prove(token)

    async def test_is_a_provider_that_calls_itself_otherwise(
        self, identity: OidcIdentity, provider: LocalProvider
    ) -> None:
        provider.says = {"issuer": f"{provider.issuer}/"}

        with pytest.raises(ProviderUnavailable):
            await identity.prove(provider.token(NAME))

    async def test_of_the_provider_leaves_a_replica_ready(
        self, service: Service, provider: LocalProvider
    ) -> None:
        provider.stub.behaviour = drop

        with pytest.raises(ProviderUnavailable):
            await service.platform.identity.check()
        assert (await service.client.get("/readyz")).status_code == 200


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

    async def test_want_the_keys_with_tls_if_the_issuer_has_it(
        self, http: HttpClient, provider: LocalProvider
    ) -> None:
        settings = OidcIdentitySettings(issuer="https://id.example.com")
        async with OidcIdentity.open(settings, http, service=NAME) as identity:
            refuses = identity.provider.refuse_open

            with pytest.raises(ValueError, match="without TLS"):
                refuses("http://id.example.com/keys")
            refuses("https://id.example.com/keys")
