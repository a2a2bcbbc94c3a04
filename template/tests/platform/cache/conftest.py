"""Two replicas over one store."""

import pytest

from app.platform.cache import Cache
from tests.platform.cache.memory import MemoryStore
from tests.platform.cache.notes import cache_over


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def cache(store: MemoryStore) -> Cache:
    return cache_over(store)


@pytest.fixture
def elsewhere(store: MemoryStore) -> Cache:
    """The cache of another replica."""
    return cache_over(store)
