import pytest

from app.platform.cache.none import NoneCache, NoneCacheSettings
from tests.platform.cache.contract import CacheStoreContract
from tests.platform.cache.interleaving import interleave
from tests.platform.cache.notes import ABSENT, NOTE, Loader, Note, cache_over


class TestNoneCache(CacheStoreContract):
    @pytest.fixture
    async def store(self) -> NoneCache:
        async with NoneCache.open(NoneCacheSettings()) as store:
            return store


class TestRead:
    async def test_every_read_loads(self) -> None:
        cache, load = cache_over(NoneCache()), Loader(Note(text="hello"))

        notes = [await cache.read(NOTE, "1", load=load) for _ in range(2)]

        assert [note.text for note in notes] == ["hello", "hello"]
        assert load.calls == 2
        assert cache.statistics["notes.note"].bypassed == 2

    async def test_nothing_may_be_absent(self) -> None:
        cache = cache_over(NoneCache())

        assert await cache.read(ABSENT, "1", load=Loader(None)) is None

    async def test_no_read_is_older_than_the_last_write(self) -> None:
        stores = NoneCache(), NoneCache()

        await interleave([cache_over(store) for store in stores], seed=1)
