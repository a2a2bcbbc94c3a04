"""What is asked of every signed token, and what of them has been proved already."""

from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Any, NamedTuple

import jwt

from app.platform.identity import CredentialsRefused
from app.platform.observability.context import Principal

# How far the clocks of two machines may be apart.
LEEWAY_SECONDS = 60
LONGEST_TOKEN = 8192
REMEMBERED = 4096

REFUSED = 'Bearer error="invalid_token"'

type Header = Mapping[str, Any]


class Proof(NamedTuple):
    """Whom a token names, and until when."""

    principal: Principal
    until: float


class Tokens[Key]:
    """Checks a signature once for each token, not for each request."""

    def __init__(
        self,
        find: Callable[[str], Awaitable[Key | None]],
        read: Callable[[str, Header, Key], Proof],
    ) -> None:
        """`find` knows the keys that are believed now; `read` checks all the rest."""
        self._find = find
        self._read = read
        self._proved: dict[str, tuple[Proof, str]] = {}

    async def bearer(self, token: str) -> Principal:
        held = self._proved.get(token)
        if held is None:
            return await self._read_anew(token)
        proof, kid = held
        if proof.until < time() or await self._find(kid) is None:
            self._proved.pop(token, None)
            raise refusal("The token has expired.")
        return proof.principal

    async def _read_anew(self, token: str) -> Principal:
        if len(token) > LONGEST_TOKEN:
            raise refusal("The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise refusal("The token cannot be read.") from None
        kid = str(header.get("kid"))
        key = await self._find(kid)
        if key is None:
            raise refusal("The token is signed with an unknown key.")
        try:
            proof = self._read(token, header, key)
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise refusal("The token is not valid here, or not now.") from None
        if len(self._proved) >= REMEMBERED:
            self._proved.clear()
        self._proved[token] = proof, kid
        return proof.principal


def refusal(detail: str) -> CredentialsRefused:
    return CredentialsRefused(detail, scheme=REFUSED)
