"""How well the cache remembers."""

from collections import Counter as Counts

from prometheus_client import Counter, Gauge

from app.platform.cache.cache import Cache
from app.platform.cache.statistics import CacheStatistics
from app.platform.telemetry.metrics import Measuring, Metrics

OUTCOMES = {
    "hit": "hits",
    "miss": "misses",
    "bypassed": "bypassed",
    "corrupt": "corrupt",
    "refused": "refused",
}


def watch(part: object, telemetry: Measuring) -> None:
    if isinstance(part, Cache) and part.store.system is not None:
        telemetry.metrics.on_refresh(Mirror(part, telemetry.metrics).read)


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
