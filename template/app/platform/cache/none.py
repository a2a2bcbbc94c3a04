"""No cache: the service works the same, only slower."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from pydantic import BaseModel

from app.platform.cache.store import Lease


class NoneCacheSettings(BaseModel, frozen=True):
    """Nothing to set."""


class NoneCache:
    """Has no answer to anything, so that everything is loaded."""

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
