"""Sessions on the server: what is kept of them, and by what a browser shows one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, Protocol

from app.platform.database import UnitOfWork
from app.platform.observability.context import Principal

# With it, browsers take the cookie from this very host alone, over HTTPS.
COOKIE = "__Host-session"
CHALLENGE = f'Cookie cookie-name="{COOKIE}"'
# So many of one principal go on at a time; another one ends the oldest.
AT_MOST = 20


def id_of(token: str) -> str:
    """Name a session by what nobody can find out what it shows."""
    return sha256(token.encode()).hexdigest()


class Lasting(NamedTuple):
    """How long a session goes on: without a request, and at all."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """One log-in of a browser that goes on."""

    id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class Sessions(Protocol):
    """
    Where sessions are kept, without what shows them.

    What has ended may stay so when the unit is rolled back, and what has begun may go
    on: nobody has been told of that.
    """

    async def find(self, id_: str, *, idle: timedelta) -> Principal | None:
        """Name whose it is, if it goes on, and note that it was used just now."""

    async def begin(
        self, unit: UnitOfWork, id_: str, principal: Principal, lasting: Lasting
    ) -> None:
        """Begin one, and end the oldest ones if those are too many."""

    async def list_of(self, principal_id: str, *, idle: timedelta) -> Sequence[Session]:
        """List those that go on, the newest first."""

    async def end(self, unit: UnitOfWork, principal_id: str, id_: str) -> bool:
        """End one of a principal's, at once and everywhere; tell if there was one."""

    async def end_all(self, unit: UnitOfWork, principal_id: str) -> None:
        """End each one of a principal's."""

    async def purge(self) -> int:
        """Forget those that are over; tell how many those were."""

    async def check(self) -> None:
        """Raise when none can be found."""
