import asyncio

from app.platform.cache import Cache
from tests.platform.cache.memory import MemoryStore
from tests.platform.cache.notes import NOTE, Loader, Note, cache_over


class TestReadTogether:
    async def test_an_error_is_raised_for_all_and_the_next_call_retries(
        self, cache: Cache
    ) -> None:
        load = Loader[Note](LookupError())

        results = await asyncio.gather(
            *(cache.read(NOTE, "1", load=load) for _ in range(50)),
            return_exceptions=True,
        )

        assert [type(result) for result in results] == [LookupError] * 50
        # Whoever came while the first was under way shares the second.
        assert load.calls == 2
        load.value = Note(text="at last")
        assert (await cache.read(NOTE, "1", load=load)).text == "at last"

    async def test_200_callers_in_each_of_two_replicas_load_once(
        self, cache: Cache, elsewhere: Cache
    ) -> None:
        load = Loader(Note(text="hello"))

        notes = await asyncio.gather(
            *(cache.read(NOTE, "1", load=load) for _ in range(200)),
            *(elsewhere.read(NOTE, "1", load=load) for _ in range(200)),
        )

        assert notes == [Note(text="hello")] * 400
        assert load.calls == 1
        # One replica loaded it for all its callers, the other found it for all.
        found = [each.statistics["notes.note"].hits for each in (cache, elsewhere)]
        assert sorted(found) == [0, 1]

    async def test_who_comes_while_it_is_loaded_waits_and_asks_no_more(
        self, cache: Cache
    ) -> None:
        load = Loader(Note(text="hello"))
        load.go.clear()
        first = asyncio.create_task(cache.read(NOTE, "1", load=load))
        await load.began.wait()

        asyncio.get_running_loop().call_later(0.01, load.go.set)
        notes = await asyncio.gather(
            *(cache.read(NOTE, "1", load=load) for _ in range(10)), first
        )

        assert notes == [Note(text="hello")] * 11
        assert load.calls == 1
        assert cache.statistics["notes.note"].hits == 0

    async def test_without_a_store_callers_still_share(
        self, cache: Cache, store: MemoryStore
    ) -> None:
        load = Loader(Note(text="hello"))
        store.reachable = False

        await asyncio.gather(*(cache.read(NOTE, "1", load=load) for _ in range(200)))

        assert load.calls == 2

    async def test_a_cancelled_caller_leaves_the_others_their_answer(
        self, cache: Cache
    ) -> None:
        load = Loader(Note(text="hello"))
        load.go.clear()
        first, *others = (
            asyncio.create_task(cache.read(NOTE, "1", load=load)) for _ in range(10)
        )
        await load.began.wait()

        first.cancel()
        load.go.set()

        assert await asyncio.gather(*others) == [Note(text="hello")] * 9
        assert first.cancelled()
        assert load.calls == 2

    async def test_a_loader_that_never_ends_delays_another_replica_but_not_for_ever(
        self, store: MemoryStore
    ) -> None:
        stuck = Loader(Note(text="stuck"))
        stuck.go.clear()
        reading = asyncio.create_task(cache_over(store).read(NOTE, "1", load=stuck))
        await stuck.began.wait()
        patient = cache_over(store, patience_seconds=0.05)

        load = Loader(Note(text="hello"))
        notes = [await patient.read(NOTE, "1", load=load) for _ in range(3)]

        assert notes == [Note(text="hello")] * 3
        assert load.calls == 1
        reading.cancel()
