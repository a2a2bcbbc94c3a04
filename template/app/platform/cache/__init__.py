"""Read through a cache that all replicas share; each adapter is one file of its own."""

from app.platform.cache.cache import Cache
from app.platform.cache.entry import CacheEntry
from app.platform.cache.lease import Lease
from app.platform.cache.statistics import CacheStatistics
from app.platform.cache.store import CacheStore

__all__ = ["Cache", "CacheEntry", "CacheStatistics", "CacheStore", "Lease"]
