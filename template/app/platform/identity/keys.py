"""The keys of all processes: made once, sealed in the database, read anew at times."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from time import monotonic
from typing import Any

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.platform.database import Database
from app.platform.database.postgresql import try_lock
from app.platform.errors import Unavailable
from app.platform.identity.models import SigningKey
from app.platform.identity.vouching import VouchingSettings

log = structlog.get_logger(__name__)

# Each process reads the keys so often; a new one signs only when all have read it.
FRESH_SECONDS = 30.0
NOTICE = timedelta(seconds=2 * FRESH_SECONDS)
# What names a key that is not known makes nobody read them more often than this.
ASKED_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    private: Ed25519PrivateKey
    active_at: datetime
    retires_at: datetime | None
    public: Ed25519PublicKey = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "public", self.private.public_key())

    @property
    def jwk(self) -> dict[str, str]:
        encoded = base64.urlsafe_b64encode(self.public.public_bytes_raw())
        x = encoded.rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.kid, "x": x}


class Keys:
    """Goes on with the keys that it has read while the database is gone."""

    def __init__(
        self, database: Database, settings: VouchingSettings, lasting: timedelta
    ) -> None:
        self._database = database
        self._settings = settings
        # How long what a key has signed is believed after it signs no more.
        self._lasting = lasting
        self._known: dict[str, Key] = {}
        self._read_at = -FRESH_SECONDS
        self._reading = asyncio.Lock()

    async def find(self, kid: str) -> Key | None:
        await self._refresh(within=FRESH_SECONDS)
        if kid not in self._known:
            await self._refresh(within=ASKED_SECONDS)
        key = self._known.get(kid)
        return key if key and _is_believed(key) else None

    async def signing(self) -> Key:
        await self._refresh(within=FRESH_SECONDS)
        if (key := self._active()) is None:
            await self._make_the_first()
            key = self._active()
        if key is None:
            raise Unavailable("There is no key to sign with.")
        return key

    async def all(self) -> Sequence[Key]:
        await self._refresh(within=FRESH_SECONDS)
        return [key for key in self._known.values() if _is_believed(key)]

    async def rotate(self, *, notice: timedelta = NOTICE) -> str:
        """
        Let a new key sign after a notice.

        The old ones are believed for as long as what they have signed lasts; without
        notice, no longer.
        """
        now = datetime.now(UTC)
        until = now + notice + self._lasting if notice else now
        async with self._database.unit_of_work() as unit:
            living = or_(SigningKey.retires_at.is_(None), SigningKey.retires_at > until)
            await unit.session.execute(
                update(SigningKey).where(living).values(retires_at=until)
            )
            await unit.session.execute(
                delete(SigningKey).where(SigningKey.retires_at < now - self._lasting)
            )
            kid = self._add(unit.session, now + notice)
        self._read_at = -FRESH_SECONDS
        return kid

    def _active(self) -> Key | None:
        now = datetime.now(UTC)
        ready = [key for key in self._known.values() if key.active_at <= now]
        usable = [key for key in ready if _is_believed(key)]
        return max(usable, key=lambda key: key.active_at, default=None)

    async def _make_the_first(self) -> None:
        async with self._database.unit_of_work() as unit:
            if not await unit.session.scalar(select(try_lock("identity:first-key"))):
                raise Unavailable("The first key is being made.")
            if await unit.session.scalar(select(SigningKey.kid).limit(1)) is None:
                self._add(unit.session, datetime.now(UTC))
        await self._refresh(within=0)

    def _add(self, session: AsyncSession, active_at: datetime) -> str:
        private = Ed25519PrivateKey.generate().private_bytes_raw()
        sealed = self._seal().encrypt(private)
        key = SigningKey(kid=token_hex(8), sealed=sealed, active_at=active_at)
        session.add(key)
        return key.kid

    async def _refresh(self, *, within: float) -> None:
        if monotonic() - self._read_at < within:
            return
        async with self._reading:
            if monotonic() - self._read_at < within:
                return
            try:
                async with self._database.read_session() as session:
                    rows = await session.scalars(select(SigningKey))
                    self._known = {row.kid: self._open(row) for row in rows}
            except Exception:
                if not self._known:
                    raise
                log.warning("identity.keys_not_read", exc_info=True)
            self._read_at = monotonic()

    def _seal(self) -> MultiFernet:
        """Seal with the first, and open what any of them has sealed."""
        keys = self._settings.derived("signing keys")
        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])

    def _open(self, row: SigningKey) -> Key:
        try:
            raw = self._seal().decrypt(row.sealed)
        except InvalidToken:
            raise Unavailable(
                "IDENTITY__SECRET is not the one that sealed the keys."
            ) from None
        private = Ed25519PrivateKey.from_private_bytes(raw)
        return Key(row.kid, private, row.active_at, row.retires_at)


def _is_believed(key: Key) -> bool:
    return key.retires_at is None or key.retires_at > datetime.now(UTC)


def as_set(keys: Sequence[Key]) -> dict[str, Any]:
    return {"keys": [key.jwk for key in keys]}
