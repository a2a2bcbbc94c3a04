"""What the tests remember, and how they load it."""

import asyncio
from datetime import timedelta

from pydantic import BaseModel

from app.platform.cache import Cache, CacheEntry, CacheStore


class Note(BaseModel):
    text: str


NOTE = CacheEntry("notes.note", Note, ttl=timedelta(minutes=1))
ABSENT = CacheEntry("notes.absent", Note | None, ttl=timedelta(minutes=1))


class Loader[T]:
    """Counts its calls, waits while told to, and raises an exception it is given."""

    def __init__(self, value: T | Exception) -> None:
        self.value = value
        self.calls = 0
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self) -> T:
        self.calls += 1
        value = self.value
        self.began.set()
        await self.go.wait()
        if isinstance(value, Exception):
            raise value
        return value


def cache_over(store: CacheStore, *, patience_seconds: float = 5) -> Cache:
    return Cache(store, namespace="test", patience_seconds=patience_seconds)
