"""Identity by sessions on the server, which a browser shows with a cookie."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from secrets import token_urlsafe
from typing import Self

from pydantic import Field

from app.platform.database import Owned, UnitOfWork
from app.platform.identity import CredentialsRefused
from app.platform.identity.vouching import Vouching, VouchingSettings
from app.platform.observability.context import Principal
from app.platform.sessions import CHALLENGE, Lasting, Session, Sessions, id_of

TOKEN_BYTES = 32


class SessionIdentitySettings(VouchingSettings):
    """`IDENTITY__*` in the environment."""

    idle_minutes: int = Field(60, ge=1, le=60 * 24 * 30)
    """How long a session goes on without a request."""
    absolute_hours: int = Field(24, ge=1, le=24 * 365)
    """How long a session goes on at most, counted from the log-in."""


class SessionIdentity(Vouching):
    """Asks at each request, so that what has ended is not believed any more."""

    def __init__(self, settings: SessionIdentitySettings, sessions: Sessions) -> None:
        super().__init__(settings)
        self.sessions = sessions
        self.lasting = Lasting(
            timedelta(minutes=settings.idle_minutes),
            timedelta(hours=settings.absolute_hours),
        )

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: SessionIdentitySettings, sessions: Sessions
    ) -> AsyncIterator[Self]:
        Owned.enforced = True
        yield cls(settings, sessions)

    async def prove(self, token: str) -> Principal:
        principal = await self.sessions.find(id_of(token), idle=self.lasting.idle)
        if principal is None:
            raise CredentialsRefused("The session is over.", scheme=CHALLENGE)
        return principal

    async def begin(
        self, unit: UnitOfWork, principal: Principal, *, instead_of: Iterable[str] = ()
    ) -> str:
        """Begin a session that nobody could know of, and end those shown before."""
        for token in instead_of:
            id_ = id_of(token)
            whose = await self.sessions.find(id_, idle=self.lasting.idle)
            if whose is not None:
                await self.sessions.end(unit, whose.id, id_)
        token = token_urlsafe(TOKEN_BYTES)
        await self.sessions.begin(unit, id_of(token), principal, self.lasting)
        return token

    async def list_of(self, principal_id: str) -> Sequence[Session]:
        return await self.sessions.list_of(principal_id, idle=self.lasting.idle)

    async def end_all(self, unit: UnitOfWork, principal_id: str) -> None:
        await self.sessions.end_all(unit, principal_id)

    async def granted(self, unit: UnitOfWork, principal_id: str) -> None:
        """Have it log in anew: a session says what could be done when it began."""
        await self.sessions.end_all(unit, principal_id)

    async def purge(self) -> int:
        return await self.sessions.purge()

    async def check(self) -> None:
        await self.sessions.check()
