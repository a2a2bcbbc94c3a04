"""Refresh tokens: each is good once, and tells of the log-in that it goes on with."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, update

from app.platform.database import UnitOfWork
from app.platform.database.postgresql import from_now
from app.platform.identity.models import TokenFamily
from app.platform.identity.vouching import Vouching

PURPOSE = "refresh"


class Claim(NamedTuple):
    """A log-in that nobody else goes on with meanwhile, and whether its turn it is."""

    family: TokenFamily
    is_newest: bool


class RefreshTokens:
    """Believes the newest of a log-in only: an older one is a copy."""

    def __init__(self, vouching: Vouching, lasting: timedelta) -> None:
        self._vouching = vouching
        self._lasting = lasting

    async def begin(self, unit: UnitOfWork, principal_id: str) -> str:
        family = TokenFamily(
            principal_id=principal_id, expires_at=from_now(self._lasting)
        )
        unit.session.add(family)
        await unit.session.flush()
        return self._token(family)

    async def claim(self, unit: UnitOfWork, token: str) -> Claim | None:
        """Find whose log-in a token was made for here, if that is not over."""
        key, _, rest = token.partition(".")
        generation, _, mark = rest.partition(".")
        if not self._vouching.vouched(mark, PURPOSE, key, generation):
            return None
        query = select(TokenFamily).where(
            TokenFamily.id == UUID(key),
            TokenFamily.revoked_at.is_(None),
            TokenFamily.expires_at > func.now(),
        )
        family: TokenFamily | None = await unit.session.scalar(query.with_for_update())
        if family is None:
            return None
        return Claim(family, int(generation) == family.generation)

    async def follow(self, unit: UnitOfWork, family: TokenFamily) -> str:
        """Let another token take the place of the newest one."""
        family.generation += 1
        await unit.session.flush()
        return self._token(family)

    async def end(self, unit: UnitOfWork, family: TokenFamily) -> None:
        family.revoked_at = func.now()
        await unit.session.flush()

    async def end_all(self, unit: UnitOfWork, principal_id: str) -> None:
        await unit.session.execute(
            update(TokenFamily)
            .where(TokenFamily.principal_id == principal_id)
            .where(TokenFamily.revoked_at.is_(None))
            .values(revoked_at=func.now())
        )

    def _token(self, family: TokenFamily) -> str:
        words = str(family.id), str(family.generation)
        mark = self._vouching.vouch(PURPOSE, *words, lasting=self._lasting)
        return ".".join((*words, mark))
