"""The port of identity: who proves to be whom, and what is vouched for."""

from datetime import timedelta
from typing import Any, NamedTuple, Protocol

from app.platform.errors import Unauthenticated
from app.platform.observability.context import Principal


class CredentialsRefused(Unauthenticated):
    """What was shown to prove who asks proves nothing, or no longer."""


class Issued(NamedTuple):
    """What its bearer shows, and for how many seconds it is believed."""

    token: str
    seconds: int


class Scheme(NamedTuple):
    """How OpenAPI says that one proves who one is."""

    name: str
    described: dict[str, Any]


class Identity(Protocol):
    """Knows who asks by what is shown."""

    async def prove(self, token: str) -> Principal:
        """Name the bearer, or raise `CredentialsRefused`."""

    async def check(self) -> None:
        """Raise when nobody's identity can be proved."""


class Issuer(Identity, Protocol):
    """Believes what it has issued itself, until that expires."""

    async def issue(self, principal: Principal) -> Issued:
        """Give a principal what proves who it is."""

    def vouch(self, *words: str, lasting: timedelta) -> str:
        """Make a token for one purpose of what it is about, readable by anybody."""

    def vouched(self, token: str, *words: str) -> bool:
        """Tell whether it was made here of the same words, and is still good."""

    async def public_keys(self) -> dict[str, Any]:
        """Publish what others need to check what was issued: a JWK set."""
