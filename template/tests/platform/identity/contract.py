"""What every adapter that believes signed tokens must refuse, and what it must bear."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import time
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fixtures.service import Service, acting
from tests.platform.identity.conftest import PATH

SUBJECT = str(uuid4())


@dataclass(frozen=True, slots=True)
class Forger:
    """Signs with a key that is believed whatever a test wants."""

    kid: str
    private: Ed25519PrivateKey
    issuer: str
    audience: str

    def signed(self, *, headers: Any = None, **claims: Any) -> str:
        """Make a token that is good but for what is said here; None leaves out."""
        now = int(time())
        said = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": SUBJECT,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "jti": "1",
            "scope": "",
        }
        given = {name: it for name, it in (said | claims).items() if it is not None}
        header = {"kid": self.kid, "typ": "at+jwt"} | (headers or {})
        return jwt.encode(given, self.private, "EdDSA", header)


type Make = Callable[[Forger], str]


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def joined(header: dict[str, Any], token: str, mark: bytes = b"") -> str:
    head = encoded(json.dumps(header).encode())
    return f"{head}.{token.split('.')[1]}.{encoded(mark)}"


def unsigned(by: Forger) -> str:
    return joined({"alg": "none", "kid": by.kid, "typ": "at+jwt"}, by.signed())


def confused(by: Forger) -> str:
    """Use the public key as the secret of another algorithm."""
    public = by.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": "HS256", "kid": by.kid, "typ": "at+jwt"}
    unmarked = joined(header, by.signed()).rpartition(".")[0]
    algorithm = jwt.get_algorithm_by_name("HS256")
    mark = algorithm.sign(unmarked.encode(), pem)  # what a careless check believes
    return joined(header, by.signed(), mark)


def forged(by: Forger) -> str:
    return replace(by, private=Ed25519PrivateKey.generate()).signed()


def tampered(by: Forger) -> str:
    head, _, mark = by.signed().split(".")
    body = by.signed(scope="admin").split(".")[1]
    return f"{head}.{body}.{mark}"


def nested(_: Forger) -> str:
    return encoded(b"[" * 1500 + b"]" * 1500) + ".e30.e30"


def off_by(seconds: int) -> Make:
    """Come from a clock that is late, or early."""

    def make(by: Forger) -> str:
        now = int(time()) + seconds
        return by.signed(iat=now, nbf=now, exp=now + 600 if seconds > 0 else now)

    return make


def saying(**claims: Any) -> Make:
    return lambda by: by.signed(**claims)


def headed(**headers: Any) -> Make:
    return lambda by: by.signed(headers=headers)


BAD: dict[str, Make] = {
    "nothing": lambda _: "x",
    "two parts": lambda _: "x.y",
    "not ascii": lambda _: "\u00e9.\u00e9.\u00e9",
    "nested": nested,
    "none": unsigned,
    "confused": confused,
    "forged": forged,
    "tampered": tampered,
    "expired": off_by(-120),
    "future": off_by(120),
    "audience": saying(aud="another"),
    "no audience": saying(aud=None),
    "issuer": saying(iss="another"),
    "no subject": saying(sub=None),
    "empty subject": saying(sub=""),
    "endless": saying(exp=None),
    "number": saying(sub=1),
    "type": headed(typ="logout+jwt"),
    "unknown key": headed(kid="unknown"),
    "no key": lambda by: joined({"alg": "EdDSA", "typ": "at+jwt"}, by.signed()),
    "another's key": headed(kid="unknown", jku="https://evil.example/keys"),
    "own key": headed(kid="unknown", jwk={"kty": "OKP"}),
    "critical": headed(crit=["exp"]),
    "oversized": saying(filler="x" * 9000),
}


class SignedTokensContract:
    """A test of an adapter derives from it, and has the fixture `forger`."""

    @pytest.mark.parametrize("name", BAD)
    async def test_refuses_what_proves_nothing(
        self, service: Service, forger: Forger, name: str
    ) -> None:
        await refused(service, BAD[name](forger))

    @pytest.mark.parametrize("seconds", [-30, 0, 30])
    async def test_bears_clocks_that_differ(
        self, service: Service, forger: Forger, seconds: int
    ) -> None:
        token = off_by(seconds)(forger)

        principal = await service.platform.identity.prove(token)

        assert principal.id.endswith(SUBJECT)

    async def test_remembers_no_more_than_it_may(
        self, service: Service, forger: Forger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.platform.identity.tokens.REMEMBERED", 2)
        for number in range(5):
            await service.platform.identity.prove(forger.signed(jti=str(number)))

        identity: Any = service.platform.identity
        assert len(vars(vars(identity)["_tokens"])["_proved"]) <= 2

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
    async def test_refuses_a_header_that_says_nobody(
        self, service: Service, headers: list[tuple[str, str]], status: int
    ) -> None:
        async with acting(service, {}):
            answer = await service.client.get(PATH, headers=headers)

        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


async def refused(service: Service, token: str) -> None:
    """Show a token, and see it refused as RFC 6750 has it."""
    header = (b"authorization", f"Bearer {token}".encode("latin-1"))

    async with acting(service, {}):
        answer = await service.client.get(PATH, headers=[header])

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert len(answer.content) <= 8192
