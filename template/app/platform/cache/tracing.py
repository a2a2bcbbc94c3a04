"""Each question to the cache's server is a step of its trace."""

from contextlib import AbstractContextManager

from opentelemetry.trace import Span, SpanKind

from app.platform.cache.cache import Cache
from app.platform.cache.lease import Lease
from app.platform.cache.store import CacheStore
from app.platform.telemetry.tracing import Recording, Tracing


def watch(part: object, telemetry: Recording) -> None:
    if isinstance(part, Cache) and part.store.system is not None:
        part.store = TracedStore(part.store, telemetry.tracing)


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
