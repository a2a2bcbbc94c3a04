import asyncio

import pytest

from app.platform.http import HttpClient
from app.platform.identity import CredentialsRefused
from app.platform.identity.oidc import OidcIdentity, OidcIdentitySettings
from app.platform.identity.provider import DISCOVERY, ProviderUnavailable
from tests.fixtures.identity_oidc import NAME, LocalProvider, SigningKey
from tests.fixtures.service import Service, acting
from tests.fixtures.third_party import Behaviour, Stub, answer, drop, hang
from tests.platform.identity.conftest import PATH


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the provider for each key that is not known."""
    monkeypatch.setattr("app.platform.identity.provider.ASKED_SECONDS", 0.0)


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


class TestTls:
    async def test_is_wanted_of_the_keys_if_the_issuer_has_it(
        self, http: HttpClient, provider: LocalProvider
    ) -> None:
        settings = OidcIdentitySettings(issuer="https://id.example.com")
        async with OidcIdentity.open(settings, http, service=NAME) as identity:
            refuses = identity.provider.refuse_open

            with pytest.raises(ValueError, match="without TLS"):
                refuses("http://id.example.com/keys")
            refuses("https://id.example.com/keys")
