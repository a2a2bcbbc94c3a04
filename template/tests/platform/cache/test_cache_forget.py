import asyncio
from datetime import timedelta

import pytest

from app.platform.cache import Cache, CacheEntry
from app.platform.observability import context
from app.platform.observability.context import Principal
from tests.platform.cache.interleaving import interleave
from tests.platform.cache.memory import MemoryStore
from tests.platform.cache.notes import NOTE, Loader, Note, cache_over

MINE = CacheEntry("notes.mine", Note, ttl=timedelta(minutes=1), personal=True)


class TestForget:
    async def test_what_was_never_read_may_be_forgotten(self, cache: Cache) -> None:
        await cache.forget(NOTE, "1")

    async def test_a_forgotten_value_is_loaded_anew_everywhere(
        self, cache: Cache, elsewhere: Cache
    ) -> None:
        load = Loader(Note(text="old"))
        await cache.read(NOTE, "1", load=load)
        load.value = Note(text="new")

        await elsewhere.forget(NOTE, "1")

        assert (await cache.read(NOTE, "1", load=load)).text == "new"

    async def test_what_is_personal_is_forgotten_for_its_owner_alone(
        self, cache: Cache
    ) -> None:
        load, owner = Loader(Note(text="old")), Principal("owner")
        await _read_as(owner, cache, load)
        await _read_as(Principal("other"), cache, load)
        load.value = Note(text="new")

        await cache.forget(MINE, "1", caller=owner)

        assert await _read_as(Principal("other"), cache, load) == "old"
        assert await _read_as(owner, cache, load) == "new"
        assert load.calls == 3

    @pytest.mark.parametrize("forgetting", ["cache", "elsewhere"])
    async def test_nobody_shares_a_load_that_began_before(
        self,
        cache: Cache,
        elsewhere: Cache,
        forgetting: str,
    ) -> None:
        load = Loader(Note(text="old"))
        load.go.clear()
        early = asyncio.create_task(cache.read(NOTE, "1", load=load))
        await load.began.wait()
        load.value = Note(text="new")

        await {"cache": cache, "elsewhere": elsewhere}[forgetting].forget(NOTE, "1")
        late = asyncio.create_task(cache.read(NOTE, "1", load=load))
        await asyncio.sleep(0.01)
        load.go.set()

        assert (await early).text == "old"
        assert (await late).text == "new"
        assert (await elsewhere.read(NOTE, "1", load=load)).text == "new"
        assert cache.statistics["notes.note"].refused == 1

    async def test_nobody_waits_for_a_load_that_began_before(
        self, cache: Cache
    ) -> None:
        stuck = Loader(Note(text="old"))
        stuck.go.clear()
        early = asyncio.create_task(cache.read(NOTE, "1", load=stuck))
        await stuck.began.wait()

        await cache.forget(NOTE, "1")
        async with asyncio.timeout(40):
            note = await cache.read(NOTE, "1", load=Loader(Note(text="new")))

        assert note.text == "new"
        early.cancel()

    async def test_without_a_store_nobody_shares_a_load_that_began_before(
        self, cache: Cache, store: MemoryStore
    ) -> None:
        store.reachable = False

        await interleave([cache, cache_over(store)], seed=3)

    async def test_no_read_is_older_than_the_last_write(
        self, store: MemoryStore
    ) -> None:
        caches = [cache_over(store, patience_seconds=0.05) for _ in range(2)]

        await asyncio.gather(*(interleave(caches, seed=seed) for seed in range(3)))


async def _read_as(caller: Principal, cache: Cache, load: Loader[Note]) -> str:
    with context.resume({}):
        context.identify(caller)
        return (await cache.read(MINE, "1", load=load)).text
