"""The way of a read: the store, or else one load among all replicas."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache, partial
from hashlib import sha256
from random import SystemRandom
from time import monotonic
from typing import Any
from urllib.parse import quote

import structlog
from pydantic import TypeAdapter
from typing_extensions import TypeForm

from app.platform.cache.store import CacheStore, Lease
from app.platform.errors import Unavailable
from app.platform.observability import context
from app.platform.observability.context import Principal


@dataclass(frozen=True, slots=True)
class Answer[T]:
    """A value, and the last moment at which it is known to have been current."""

    value: T
    as_of: float


@dataclass(slots=True)
class Flight[T]:
    """One caller's way to an answer, on which others wait."""

    began: float = field(default_factory=monotonic)
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    answer: Answer[T] | None = None
    error: Exception | None = None


class Flights:
    """
    Never hands a caller what may be older than its call.

    An answer on its way when the caller arrives may have been overtaken by a write
    that the caller knows of, so it is shared only if it proved current since. The
    flight leads in the task of its first caller, whose session it may use; if that
    caller is cancelled, the next one starts over.
    """

    def __init__(self) -> None:
        self._flights: dict[str, Flight[Any]] = {}

    async def share[T](self, key: str, fly: Callable[[], Awaitable[Answer[T]]]) -> T:
        arrived = monotonic()
        flight: Flight[T] | None
        while (flight := self._flights.get(key)) is not None:
            await flight.landed.wait()
            if flight.error is not None and flight.began > arrived:
                raise flight.error
            if flight.answer is not None and flight.answer.as_of > arrived:
                return flight.answer.value
        return await self._lead(key, fly)

    def drop(self, key: str) -> None:
        """Let later callers start anew, rather than wait for the flight in progress."""
        self._flights.pop(key, None)

    async def _lead[T](self, key: str, fly: Callable[[], Awaitable[Answer[T]]]) -> T:
        flight: Flight[T] = Flight()
        self._flights[key] = flight
        try:
            flight.answer = await fly()
        except Exception as error:
            flight.error = error
            raise
        finally:
            if self._flights.get(key) is flight:
                self.drop(key)
            flight.landed.set()
        return flight.answer.value


# What is read again and again says the same: so many values of an entry are kept read.
RECENT = 16


class CacheEntry[T]:
    """
    One kind of cached value, declared once, next to the rules that read it.

    Args:
        name: Dotted, and unique in the service: `module.thing`.
        form: Any type that pydantic can write as JSON and read back.
        ttl: The longest a lost invalidation can last.
        absent_ttl: How long to remember that there is nothing. By default, `None`
            is loaded anew each time.
        personal: Whoever asks has a value of their own. By default, all share one.

    """

    def __init__(
        self,
        name: str,
        form: TypeForm[T],
        *,
        ttl: timedelta,
        absent_ttl: timedelta | None = None,
        personal: bool = False,
    ) -> None:
        self.name = name
        self.personal = personal
        self.ttl = ttl
        self.absent_ttl = absent_ttl
        self._adapter: TypeAdapter[T] = TypeAdapter(form)
        self._read = lru_cache(RECENT)(self._adapter.validate_json)
        schema = json.dumps(self._adapter.json_schema(), sort_keys=True)
        self._version = sha256(schema.encode()).hexdigest()[:8]

    def key(self, *parts: str, caller: Principal | None = None) -> str:
        """Differ for other parts, for another shape of the value, and by its owner."""
        owner = [str(caller or context.caller())] if self.personal else []
        escaped = (
            quote(part, safe="", errors="surrogatepass") for part in [*owner, *parts]
        )
        return ":".join([self.name, self._version, *escaped])

    def ttl_of(self, value: T) -> timedelta | None:
        """Say how long to remember the value; `None` if not at all."""
        return self.absent_ttl if value is None else self.ttl

    def encode(self, value: T) -> bytes:
        return self._adapter.dump_json(value, by_alias=True, round_trip=True)

    def decode(self, data: bytes) -> T:
        """Raise `ValueError` for bytes that are no such value; callers share one."""
        return self._read(data)


@dataclass(slots=True)
class CacheStatistics:
    """
    Counted since the start of the process, for one entry.

    A read that is no hit, no miss and was not bypassed shared another's answer.
    """

    reads: int = 0
    hits: int = 0
    misses: int = 0
    # The store had no answer: the value was loaded and not remembered.
    bypassed: int = 0
    # What the store held was no such value.
    corrupt: int = 0
    # The key was forgotten or filled while its value was loaded.
    refused: int = 0


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
        self.namespace = namespace
        self._lease_seconds = lease_seconds
        self._patience_seconds = patience_seconds
        self._flights = Flights()
        self._releases: set[asyncio.Task[None]] = set()

    async def read[T](
        self, entry: CacheEntry[T], *parts: str, load: Callable[[], Awaitable[T]]
    ) -> T:
        """
        Return what is remembered, or load it; callers share the value: leave it as is.

        Load committed state only: in a unit of work that has written, read without
        the cache. What `load` raises is raised, and not remembered.
        """
        self.statistics[entry.name].reads += 1
        key = f"{self.namespace}:{entry.key(*parts)}"
        return await self._flights.share(key, partial(self._fetch, entry, key, load))

    async def forget[T](
        self, entry: CacheEntry[T], *parts: str, caller: Principal | None = None
    ) -> None:
        """Call it after the commit of what changed the value, of another caller too."""
        key = f"{self.namespace}:{entry.key(*parts, caller=caller)}"
        self._flights.drop(key)
        await self.store.forget(key)

    async def check(self) -> None:
        if not await self.store.ping():
            raise Unavailable("The cache is out of reach.")

    async def _fetch[T](
        self, entry: CacheEntry[T], key: str, load: Callable[[], Awaitable[T]]
    ) -> Answer[T]:
        statistics = self.statistics[entry.name]
        asked, found = await self._find(key)
        if isinstance(found, bytes):
            try:
                answer = Answer(entry.decode(found), as_of=asked)
            except ValueError:
                statistics.corrupt += 1
                log.warning("cache.corrupt", entry=entry.name)
                await self.store.forget(key)
                found = await self.store.get(key, lease_seconds=self._lease_seconds)
            else:
                statistics.hits += 1
                return answer
        if isinstance(found, Lease):
            statistics.misses += 1
            return await self._load(entry, key, load, found)
        statistics.bypassed += 1
        return Answer(await load(), as_of=asked)

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
            if (ttl := entry.ttl_of(value)) is not None:
                ttl_seconds = ttl.total_seconds() * SPREAD.uniform(0.9, 1.1)
                kept = await self.store.fill(
                    key, entry.encode(value), lease=lease, ttl_seconds=ttl_seconds
                )
                self.statistics[entry.name].refused += not kept
        finally:
            if lease.granted and not kept:
                # A task of its own does it: this one may be cancelled.
                release = asyncio.create_task(self.store.release(key, lease=lease))
                self._releases.add(release)
                release.add_done_callback(self._releases.discard)
        # A lease that was still there proves that nobody wrote since it was found.
        return Answer(value, as_of=loaded if kept else began)
