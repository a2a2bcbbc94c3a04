"""A store in this process, with the delays of one that is elsewhere."""

import asyncio
from time import monotonic
from uuid import uuid4

from app.platform.cache import Lease


class MemoryStore:
    """Keeps the port's promises by hand; `reachable = False` takes it away."""

    system: str | None = "memory"

    def __init__(self) -> None:
        self.reachable = True
        self.ttls: list[float] = []
        self._held: dict[str, tuple[bytes | Lease, float]] = {}

    async def get(self, key: str, *, lease_seconds: float) -> bytes | Lease | None:
        await asyncio.sleep(0)
        if not self.reachable:
            return None
        if (held := self._find(key)) is None:
            lease = Lease(uuid4().bytes, granted=False)
            self._held[key] = lease, monotonic() + lease_seconds
            held = Lease(lease.token, granted=True)
        await asyncio.sleep(0)
        return held

    async def fill(
        self, key: str, value: bytes, *, lease: Lease, ttl_seconds: float
    ) -> bool:
        await asyncio.sleep(0)
        if not self.reachable or not self._leased(key, lease):
            return False
        self.put(key, value, ttl_seconds)
        await asyncio.sleep(0)
        return True

    async def release(self, key: str, *, lease: Lease) -> None:
        await asyncio.sleep(0)
        if self._leased(key, lease):
            del self._held[key]

    async def forget(self, *keys: str) -> None:
        await asyncio.sleep(0)
        for key in keys:
            self._held.pop(key, None)
        await asyncio.sleep(0)

    @property
    def available(self) -> bool:
        return self.reachable

    async def ping(self) -> bool:
        return self.reachable

    def put(self, key: str, value: bytes, ttl_seconds: float = 60) -> None:
        self.ttls.append(ttl_seconds)
        self._held[key] = value, monotonic() + ttl_seconds

    def keys(self) -> list[str]:
        return list(self._held)

    def _find(self, key: str) -> bytes | Lease | None:
        held, until = self._held.get(key, (None, 0.0))
        return held if until > monotonic() else None

    def _leased(self, key: str, lease: Lease) -> bool:
        held = self._find(key)
        return isinstance(held, Lease) and held.token == lease.token
