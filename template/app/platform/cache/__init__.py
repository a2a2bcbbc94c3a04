"""Read through a cache that all replicas share; each adapter is one file of its own."""

from app.platform.cache.cache import Cache, CacheEntry, CacheStatistics
from app.platform.cache.store import CacheStore, Lease

__all__ = ["Cache", "CacheEntry", "CacheStatistics", "CacheStore", "Lease"]
