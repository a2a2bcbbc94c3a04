"""No cache: the service works the same, only slower."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from app.platform.cache.store import Lease
from app.platform.configuration import Section


class NoneCacheSettings(Section):
    """Nothing to set."""


class NoneCache:
    """Has no answer to anything, so that everything is loaded."""

    system: str | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, _: NoneCacheSettings) -> AsyncIterator[Self]:
        yield cls()

    async def get(self, key: str, *, lease_seconds: float) -> None:
        return None

    async def fill(
        self, key: str, value: bytes, *, lease: Lease, ttl_seconds: float
    ) -> bool:
        return False

    async def release(self, key: str, *, lease: Lease) -> None:
        return None

    async def forget(self, *keys: str) -> None:
        return None

    async def ping(self) -> bool:
        return True

    @property
    def available(self) -> bool:
        return True
