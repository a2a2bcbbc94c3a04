"""Random writes, reads and cancellations over several caches, and what must hold."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import Random

from app.platform.cache import Cache, CacheEntry

COUNT = CacheEntry("counts.count", int, ttl=timedelta(minutes=1))
LONGEST_PAUSE_SECONDS = 0.004


class Counter:
    """A row that replicas write and read, and the last write that was acknowledged."""

    def __init__(self, name: str, dice: Random) -> None:
        self.acknowledged = 0
        self._name = name
        self._dice = dice
        self._committed = 0

    async def write(self, cache: Cache) -> None:
        await self._pause()
        self._committed += 1
        written = self._committed
        await self._pause()
        await cache.forget(COUNT, self._name)
        self.acknowledged = max(self.acknowledged, written)

    async def read(self, cache: Cache) -> None:
        await self._pause()
        newest = self.acknowledged
        value = await cache.read(COUNT, self._name, load=self._load)
        assert value >= newest

    async def _load(self) -> int:
        await self._pause()
        value = self._committed
        await self._pause()
        return value

    async def _pause(self) -> None:
        await asyncio.sleep(self._dice.uniform(0, LONGEST_PAUSE_SECONDS))


async def interleave(caches: Sequence[Cache], *, seed: int, steps: int = 300) -> None:
    """Raise `AssertionError` for a read older than a write acknowledged before it."""
    dice = Random(seed)
    counters = [Counter(f"{seed}:{number}", dice) for number in range(3)]
    async with asyncio.TaskGroup() as group:
        for _ in range(steps):
            counter, cache = dice.choice(counters), dice.choice(caches)
            action = dice.choice([counter.read, counter.read, counter.write])
            task = group.create_task(action(cache))
            if action == counter.read and dice.random() < 0.1:
                asyncio.get_running_loop().call_later(
                    dice.uniform(0, LONGEST_PAUSE_SECONDS), task.cancel
                )
            await asyncio.sleep(dice.uniform(0, LONGEST_PAUSE_SECONDS / 4))
