import asyncio
from datetime import timedelta
from uuid import uuid4

import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import delete

from app.platform.errors import Unavailable
from app.platform.identity import CredentialsRefused
from app.platform.identity.jwt import JwtIdentity, JwtIdentitySettings
from app.platform.identity.keys import Keys
from app.platform.identity.models import SigningKey
from app.platform.observability.context import Principal
from tests.fixtures.service import Service
from tests.platform.identity.contract import (
    Forger,
    Make,
    SignedTokensContract,
    headed,
    refused,
    saying,
)

SETTINGS = JwtIdentitySettings()
ANOTHER = SecretStr("another" * 8)
ADA = Principal(str(uuid4()), tenant="acme", kind="user", scopes=frozenset({"a", "b"}))


@pytest.fixture
def identity(service: Service) -> JwtIdentity:
    identity = service.platform.identity
    assert isinstance(identity, JwtIdentity)
    return identity


# What it says itself it says in one way only.
OWN_BAD: dict[str, Make] = {
    "audiences": lambda by: by.signed(aud=[by.audience, "another"]),
    "no id": saying(jti=None),
    "no beginning": saying(nbf=None),
    "subject": saying(sub="ada@example.com"),
    "another type": headed(typ="JWT"),
    "another's key": headed(jku="https://evil.example/keys"),
    "own key": headed(jwk={"kty": "OKP"}),
}


class TestProve(SignedTokensContract):
    @pytest.fixture
    async def forger(self, service: Service, identity: JwtIdentity) -> Forger:
        key, name = (
            await identity.keys.signing(),
            service.platform.settings.service_name,
        )
        return Forger(key.kid, key.private, name, name)

    @pytest.mark.parametrize("name", OWN_BAD)
    async def test_refuses_what_it_would_not_have_said(
        self, service: Service, forger: Forger, name: str
    ) -> None:
        await refused(service, OWN_BAD[name](forger))

    async def test_names_who_it_was_issued_to(self, identity: JwtIdentity) -> None:
        issued = await identity.issue(ADA)

        assert await identity.prove(issued.token) == ADA
        assert await identity.prove(issued.token) == ADA
        assert issued.seconds == 600


class TestRotation:
    async def test_lets_the_old_key_be_believed_and_the_new_one_wait(
        self, identity: JwtIdentity
    ) -> None:
        old = await identity.issue(ADA)

        kid = await identity.keys.rotate()

        assert await identity.prove(old.token) == ADA
        signing = await identity.keys.signing()
        assert signing.kid != kid
        published = {key["kid"] for key in (await identity.public_keys())["keys"]}
        assert published == {kid, signing.kid}

    async def test_at_once_lets_nothing_old_be_believed(
        self, identity: JwtIdentity
    ) -> None:
        old = await identity.issue(ADA)
        await identity.prove(old.token)

        kid = await identity.keys.rotate(notice=timedelta(0))

        with pytest.raises(CredentialsRefused):
            await identity.prove(old.token)
        new = await identity.issue(ADA)
        assert jwt.get_unverified_header(new.token)["kid"] == kid

    async def test_is_learned_of_by_other_processes(
        self,
        service: Service,
        identity: JwtIdentity,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        settings = service.platform.settings
        other = JwtIdentity(
            settings.identity, service.platform.database, settings.service_name
        )
        await other.prove((await identity.issue(ADA)).token)
        monkeypatch.setattr("app.platform.identity.keys.ASKED_SECONDS", 0.0)
        await identity.keys.rotate(notice=timedelta(0))

        assert await other.prove((await identity.issue(ADA)).token) == ADA


class TestKeys:
    async def test_are_one_for_all_that_begin_at_once(self, service: Service) -> None:
        database, lasting = service.platform.database, timedelta(minutes=1)
        some = [Keys(database, SETTINGS, lasting) for _ in range(3)]

        found = await asyncio.gather(*(keys.signing() for keys in some))

        assert len({key.kid for key in found}) == 1

    async def test_are_sealed_with_the_secret(self, service: Service) -> None:
        settings = JwtIdentitySettings(secret=ANOTHER)
        keys = Keys(service.platform.database, settings, timedelta(minutes=1))

        with pytest.raises(Unavailable, match="IDENTITY__SECRET"):
            await keys.signing()

    async def test_outlast_their_secret(
        self, service: Service, identity: JwtIdentity
    ) -> None:
        old, database = await identity.keys.signing(), service.platform.database
        changed = JwtIdentitySettings(secret=ANOTHER, other_secrets=SETTINGS.secret)
        keys = Keys(database, changed, timedelta(minutes=1))

        known = await keys.find(old.kid)
        new = await keys.rotate()

        assert known is not None
        assert known.jwk == old.jwk
        alone = JwtIdentitySettings(secret=ANOTHER)
        async with database.unit_of_work() as unit:
            sealed = delete(SigningKey).where(SigningKey.kid != new)
            await unit.session.execute(sealed)
        assert await Keys(database, alone, timedelta(minutes=1)).find(new)
