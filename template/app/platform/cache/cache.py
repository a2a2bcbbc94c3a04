"""The way of a read: the store, or else one load among all replicas."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from random import SystemRandom
from time import monotonic

import structlog

from app.platform.cache.entry import CacheEntry
from app.platform.cache.flights import Answer, Flights
from app.platform.cache.lease import Lease
from app.platform.cache.statistics import CacheStatistics
from app.platform.cache.store import CacheStore

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.02
# Entries that were filled together do not expire together.
SPREAD = SystemRandom()


class Cache:
    """
    Remembers what was loaded until it expires or is forgotten.

    A read that begins after `forget` returned never sees what was true before, save
    that a store out of reach may keep an old value until it is back, at most its TTL.

    Args:
        store: The adapter.
        namespace: Keeps the keys of services that share a server apart.
        lease_seconds: What takes longer to load is not remembered.
        patience_seconds: How long to wait for the value another replica loads, before
            loading it here too.

    """

    def __init__(
        self,
        store: CacheStore,
        *,
        namespace: str,
        lease_seconds: float = 30.0,
        patience_seconds: float = 0.5,
    ) -> None:
        self.statistics: dict[str, CacheStatistics] = defaultdict(CacheStatistics)
        self.store = store
        self._namespace = namespace
        self._lease_seconds = lease_seconds
        self._patience_seconds = patience_seconds
        self._flights = Flights()
        self._releases: set[asyncio.Task[None]] = set()

    async def read[T](
        self, entry: CacheEntry[T], *parts: str, load: Callable[[], Awaitable[T]]
    ) -> T:
        """
        Return what is remembered, or load it; callers may share the value, unchanged.

        Load committed state only: in a unit of work that has written, read without
        the cache. What `load` raises is raised, and not remembered.
        """
        self.statistics[entry.name].reads += 1
        key = self._key(entry, parts)
        return await self._flights.share(key, partial(self._fetch, entry, key, load))

    async def forget[T](self, entry: CacheEntry[T], *parts: str) -> None:
        """Call it after the commit of what changed the value."""
        key = self._key(entry, parts)
        self._flights.drop(key)
        await self.store.forget(key)

    async def ping(self) -> bool:
        return await self.store.ping()

    def _key[T](self, entry: CacheEntry[T], parts: tuple[str, ...]) -> str:
        return f"{self._namespace}:{entry.key(*parts)}"

    async def _fetch[T](
        self, entry: CacheEntry[T], key: str, load: Callable[[], Awaitable[T]]
    ) -> Answer[T]:
        began = monotonic()
        found = await self._recall(entry, key)
        if isinstance(found, Answer):
            self.statistics[entry.name].hits += 1
            return found
        if found is None:
            self.statistics[entry.name].bypassed += 1
            return Answer(await load(), as_of=began)
        self.statistics[entry.name].misses += 1
        return await self._load(entry, key, load, found)

    async def _recall[T](
        self, entry: CacheEntry[T], key: str
    ) -> Answer[T] | Lease | None:
        asked, found = await self._find(key)
        if not isinstance(found, bytes):
            return found
        try:
            return Answer(entry.decode(found), as_of=asked)
        except ValueError:
            self.statistics[entry.name].corrupt += 1
            log.warning("cache.corrupt", entry=entry.name)
        await self.store.forget(key)
        found = await self.store.get(key, lease_seconds=self._lease_seconds)
        return found if isinstance(found, Lease) else None

    async def _find(self, key: str) -> tuple[float, bytes | Lease | None]:
        """Ask, and while another replica loads, ask again, until patience ends."""
        enough = monotonic() + self._patience_seconds
        while True:
            asked = monotonic()
            found = await self.store.get(key, lease_seconds=self._lease_seconds)
            if not isinstance(found, Lease) or found.granted or asked >= enough:
                return asked, found
            await asyncio.sleep(POLL_SECONDS)

    async def _load[T](
        self,
        entry: CacheEntry[T],
        key: str,
        load: Callable[[], Awaitable[T]],
        lease: Lease,
    ) -> Answer[T]:
        began, kept = monotonic(), False
        try:
            value = await load()
            loaded = monotonic()
            kept = await self._remember(entry, key, value, lease)
        finally:
            if lease.granted and not kept:
                self._release(key, lease)
        # A lease that was still there proves that nobody wrote since it was found.
        return Answer(value, as_of=loaded if kept else began)

    async def _remember[T](
        self, entry: CacheEntry[T], key: str, value: T, lease: Lease
    ) -> bool:
        ttl = entry.ttl_of(value)
        if ttl is None:
            return False
        ttl_seconds = ttl.total_seconds() * SPREAD.uniform(0.9, 1.1)
        filled = await self.store.fill(
            key, entry.encode(value), lease=lease, ttl_seconds=ttl_seconds
        )
        self.statistics[entry.name].refused += not filled
        return filled

    def _release(self, key: str, lease: Lease) -> None:
        """Leave it to a task of its own: this one may be cancelled."""
        release = asyncio.create_task(self.store.release(key, lease=lease))
        self._releases.add(release)
        release.add_done_callback(self._releases.discard)
