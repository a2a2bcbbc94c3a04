from app.platform.cache import Cache
from tests.fixtures.metrics import Seen
from tests.platform.cache.memory import MemoryStore
from tests.platform.cache.notes import NOTE, Loader, Note, cache_over

ENTRY = NOTE.name


class TestReads:
    async def test_are_counted_by_what_came_of_them(
        self, seen: Seen, cache: Cache, store: MemoryStore
    ) -> None:
        seen.watch(cache)

        for _ in range(3):
            await cache.read(NOTE, "1", load=Loader(Note(text="hunter2")))
        store.reachable = False
        await cache.read(NOTE, "1", load=Loader(Note(text="hunter2")))

        outcomes = ("hit", "miss", "bypassed", "corrupt", "refused")
        assert [
            seen.value("cache_requests_total", entry=ENTRY, outcome=outcome)
            for outcome in outcomes
        ] == [2, 1, 1, 0, 0]
        assert seen.value("cache_available") == 0

    async def test_are_not_counted_where_there_is_no_cache(self, seen: Seen) -> None:
        nothing = MemoryStore()
        nothing.system = None

        seen.watch(cache_over(nothing))

        assert "cache" not in seen.page()
