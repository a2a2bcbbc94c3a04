"""How well the cache remembers, and each command as a step of its trace."""

from collections import Counter as Counts
from contextlib import AbstractContextManager

from opentelemetry.trace import Span, SpanKind
from prometheus_client import Counter, Gauge

from app.platform.cache.cache import Cache, CacheStatistics
from app.platform.cache.store import CacheStore, Lease
from app.platform.telemetry.metrics import Metrics
from app.platform.telemetry.tracing import Tracing, Watching

OUTCOMES = {
    "hit": "hits",
    "miss": "misses",
    "bypassed": "bypassed",
    "corrupt": "corrupt",
    "refused": "refused",
}


def watch(part: object, telemetry: Watching) -> None:
    """Measure the part and, where traces are kept, record what it does."""
    if isinstance(part, Cache) and part.store.system is not None:
        telemetry.metrics.on_refresh(Mirror(part, telemetry.metrics).read)
        if telemetry.tracing.records:
            part.store = TracedStore(part.store, telemetry.tracing)


class Mirror:
    """Shows what the cache counts, without a word to it."""

    def __init__(self, cache: Cache, metrics: Metrics) -> None:
        self._cache = cache
        self._shown: Counts[tuple[str, str]] = Counts()
        self._requests = Counter(
            "cache_requests",
            "Reads by what came of them; a corrupt or refused value is also a miss.",
            ["entry", "outcome"],
            registry=metrics.registry,
        )
        self._available = Gauge(
            "cache_available",
            "1 unless the latest command got no answer.",
            registry=metrics.registry,
            multiprocess_mode="livemin",
        )

    def read(self) -> None:
        self._available.set(self._cache.store.available)
        for entry, statistics in list(self._cache.statistics.items()):
            self._show(entry, statistics)

    def _show(self, entry: str, statistics: CacheStatistics) -> None:
        for outcome, field in OUTCOMES.items():
            count: int = getattr(statistics, field)
            key = entry, outcome
            self._requests.labels(*key).inc(count - self._shown[key])
            self._shown[key] = count


class TracedStore:
    """A store that does what another does. Keys and values stay untold."""

    def __init__(self, store: CacheStore, tracing: Tracing) -> None:
        self.system = store.system
        self._store = store
        self._tracing = tracing

    @property
    def available(self) -> bool:
        return self._store.available

    async def get(self, key: str, *, lease_seconds: float) -> bytes | Lease | None:
        with self._span("get") as span:
            found = await self._store.get(key, lease_seconds=lease_seconds)
            if span is not None:
                span.set_attribute("cache.hit", isinstance(found, bytes))
            return found

    async def fill(
        self, key: str, value: bytes, *, lease: Lease, ttl_seconds: float
    ) -> bool:
        with self._span("fill"):
            return await self._store.fill(
                key, value, lease=lease, ttl_seconds=ttl_seconds
            )

    async def release(self, key: str, *, lease: Lease) -> None:
        with self._span("release"):
            await self._store.release(key, lease=lease)

    async def forget(self, *keys: str) -> None:
        with self._span("forget"):
            await self._store.forget(*keys)

    async def ping(self) -> bool:
        return await self._store.ping()

    def _span(self, operation: str) -> AbstractContextManager[Span | None]:
        attributes = {
            "db.system.name": self.system or "",
            "db.operation.name": operation,
        }
        return self._tracing.span(f"cache {operation}", SpanKind.CLIENT, attributes)
