import pytest

from tests.platform.cache.contract import RememberingStoreContract
from tests.platform.cache.memory import MemoryStore


class TestMemoryStore(RememberingStoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
