import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from time import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.platform.errors import Unavailable
from app.platform.identity import CredentialsRefused
from app.platform.identity.jwt import JwtIdentity, JwtIdentitySettings
from app.platform.identity.keys import Key, Keys
from app.platform.observability.context import Principal
from tests.fixtures.service import Service, acting

ADA = Principal(str(uuid4()), tenant="acme", kind="user", scopes=frozenset({"a", "b"}))
PATH = "/v1/accounts/me"

SECRET = JwtIdentitySettings().secret.get_secret_value()

type Make = Callable[[Key, str], str]


@pytest.fixture
def identity(service: Service) -> JwtIdentity:
    identity = service.platform.identity
    assert isinstance(identity, JwtIdentity)
    return identity


def signed(key: Key, service: str, *, headers: Any = None, **claims: Any) -> str:
    """Make a token that is good but for what is said here; None leaves out."""
    now = int(time())
    said = {
        "iss": service,
        "aud": service,
        "sub": ADA.id,
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "jti": "1",
        "scope": "",
    }
    given = {name: it for name, it in (said | claims).items() if it is not None}
    header = {"kid": key.kid, "typ": "at+jwt"} | (headers or {})
    return jwt.encode(given, key.private, "EdDSA", header)


def joined(header: dict[str, Any], token: str, mark: bytes = b"") -> str:
    encoded = urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    body = token.split(".")[1]
    return f"{encoded}.{body}.{urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def unsigned(key: Key, service: str) -> str:
    header = {"alg": "none", "kid": key.kid, "typ": "at+jwt"}
    return joined(header, signed(key, service))


def confused(key: Key, service: str) -> str:
    """Use the public key as the secret of another algorithm."""
    pem = key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": key.kid, "typ": "at+jwt"}
    unmarked = joined(header, signed(key, service)).rpartition(".")[0]
    algorithm = jwt.get_algorithm_by_name("HS256")
    mark = algorithm.sign(unmarked.encode(), pem)  # what a careless check believes
    return joined(header, signed(key, service), mark)


def forged(key: Key, service: str) -> str:
    own = Key(key.kid, Ed25519PrivateKey.generate(), key.active_at, None)
    return signed(own, service)


def tampered(key: Key, service: str) -> str:
    head, _, mark = signed(key, service).split(".")
    body = signed(key, service, scope="admin").split(".")[1]
    return f"{head}.{body}.{mark}"


def off_by(seconds: int) -> Make:
    """Come from a clock that is late, or early."""

    def make(key: Key, service: str) -> str:
        now = int(time()) + seconds
        until = now + 600 if seconds > 0 else now
        return signed(key, service, iat=now, nbf=now, exp=until)

    return make


def saying(**claims: Any) -> Make:
    return lambda key, service: signed(key, service, **claims)


def headed(**headers: Any) -> Make:
    return lambda key, service: signed(key, service, headers=headers)


BAD: dict[str, Make] = {
    "nothing": lambda *_: "x",
    "two parts": lambda *_: "x.y",
    "not ascii": lambda *_: "\u00e9.\u00e9.\u00e9",
    "none": unsigned,
    "confused": confused,
    "forged": forged,
    "tampered": tampered,
    "expired": off_by(-120),
    "future": off_by(120),
    "audience": saying(aud="another"),
    "audiences": lambda key, service: signed(key, service, aud=[service, "another"]),
    "issuer": saying(iss="another"),
    "no subject": saying(sub=None),
    "no id": saying(jti=None),
    "endless": saying(exp=None),
    "subject": saying(sub="ada@example.com"),
    "number": saying(sub=1),
    "type": headed(typ="JWT"),
    "unknown key": headed(kid="unknown"),
    "another's key": headed(jku="https://evil.example/keys"),
    "own key": headed(jwk={"kty": "OKP"}),
    "critical": headed(crit=["exp"]),
    "oversized": saying(filler="x" * 5000),
}


class TestProve:
    @pytest.mark.parametrize("name", BAD)
    async def test_refuses_what_proves_nothing(
        self, service: Service, identity: JwtIdentity, name: str
    ) -> None:
        key = await identity.keys.signing()
        token = BAD[name](key, service.platform.settings.service_name)
        header = (b"authorization", f"Bearer {token}".encode("latin-1"))

        async with acting(service, {}):
            refused = await service.client.get(PATH, headers=[header])

        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert len(refused.content) <= 8192

    @pytest.mark.parametrize("seconds", [-30, 30])
    async def test_bears_clocks_that_differ(
        self, service: Service, identity: JwtIdentity, seconds: int
    ) -> None:
        key = await identity.keys.signing()
        token = off_by(seconds)(key, service.platform.settings.service_name)

        assert (await identity.prove(token)).id == ADA.id

    async def test_names_who_it_was_issued_to(self, identity: JwtIdentity) -> None:
        issued = await identity.issue(ADA)

        assert await identity.prove(issued.token) == ADA
        assert await identity.prove(issued.token) == ADA
        assert issued.seconds == 600

    async def test_remembers_no_more_than_it_may(
        self, identity: JwtIdentity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.platform.identity.jwt.REMEMBERED", 2)
        for _ in range(5):
            await identity.prove((await identity.issue(ADA)).token)

        assert len(vars(identity)["_proved"]) <= 2


class TestHeader:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ([], 401),
            ([("Authorization", "")], 401),
            ([("Authorization", "Bearer")], 401),
            ([("Authorization", "Basic YTpi")], 401),
            ([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], 400),
            ([("Cookie", "Authorization=Bearer a")], 401),
        ],
    )
    async def test_is_refused_when_it_says_nobody(
        self, service: Service, headers: list[tuple[str, str]], status: int
    ) -> None:
        async with acting(service, {}):
            refused = await service.client.get(PATH, headers=headers)

        assert refused.status_code == status
        assert refused.headers["content-type"] == "application/problem+json"


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
        some = [Keys(database, SECRET, lasting) for _ in range(3)]

        found = await asyncio.gather(*(keys.signing() for keys in some))

        assert len({key.kid for key in found}) == 1

    async def test_are_sealed_with_the_secret(self, service: Service) -> None:
        keys = Keys(service.platform.database, "another" * 8, timedelta(minutes=1))

        with pytest.raises(Unavailable, match="IDENTITY__SECRET"):
            await keys.signing()
