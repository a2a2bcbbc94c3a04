import asyncio
from datetime import timedelta

import pytest
import structlog

from app.platform.cache import Cache, CacheEntry
from app.platform.errors import Unavailable
from tests.platform.cache.memory import MemoryStore
from tests.platform.cache.notes import ABSENT, NOTE, Loader, Note


class TestRead:
    async def test_an_error_is_raised_and_not_remembered(self, cache: Cache) -> None:
        with pytest.raises(LookupError):
            await cache.read(NOTE, "1", load=Loader[Note](LookupError()))

        async with asyncio.timeout(40):
            note = await cache.read(NOTE, "1", load=Loader(Note(text="at last")))

        assert note.text == "at last"

    async def test_a_value_is_loaded_once(self, cache: Cache, elsewhere: Cache) -> None:
        load = Loader(Note(text="hello"))

        first = await cache.read(NOTE, "1", load=load)
        second = await elsewhere.read(NOTE, "1", load=load)

        assert first == second == Note(text="hello")
        assert load.calls == 1
        assert cache.statistics["notes.note"].misses == 1
        assert elsewhere.statistics["notes.note"].hits == 1

    async def test_each_key_has_its_value(self, cache: Cache) -> None:
        await cache.read(NOTE, "a", "b:c", load=Loader(Note(text="one")))

        note = await cache.read(NOTE, "a:b", "c", load=Loader(Note(text="two")))

        assert note.text == "two"

    async def test_services_that_share_a_store_do_not_share_values(
        self, cache: Cache, store: MemoryStore
    ) -> None:
        await cache.read(NOTE, "1", load=Loader(Note(text="ours")))

        theirs = Cache(store, namespace="another")
        note = await theirs.read(NOTE, "1", load=Loader(Note(text="theirs")))

        assert note.text == "theirs"

    async def test_nothing_is_loaded_each_time_by_default(self, cache: Cache) -> None:
        load = Loader[Note | None](None)

        for _ in range(3):
            assert await cache.read(ABSENT, "1", load=load) is None

        assert load.calls == 3

    async def test_nothing_is_remembered_as_long_as_declared(
        self, cache: Cache, store: MemoryStore
    ) -> None:
        remembered = CacheEntry(
            "notes.remembered",
            Note | None,
            ttl=timedelta(minutes=1),
            absent_ttl=timedelta(seconds=10),
        )
        load = Loader[Note | None](None)

        for _ in range(3):
            assert await cache.read(remembered, "1", load=load) is None

        assert load.calls == 1
        assert 9 <= store.ttls[0] <= 11

    async def test_values_stored_together_expire_apart(
        self, cache: Cache, store: MemoryStore
    ) -> None:
        for number in range(50):
            await cache.read(NOTE, str(number), load=Loader(Note(text="hello")))

        assert all(54 <= ttl <= 66 for ttl in store.ttls)
        assert max(store.ttls) - min(store.ttls) > 3

    @pytest.mark.parametrize(
        "held", [b"", b"\x80\x04K\x01.", b"{", b'{"title": 1}', b"null", b"\xff"]
    )
    async def test_what_is_no_such_value_is_loaded_and_replaced(
        self, cache: Cache, store: MemoryStore, held: bytes
    ) -> None:
        load = Loader(Note(text="hello"))
        await cache.read(NOTE, "1", load=load)
        store.put(store.keys()[0], held)

        with structlog.testing.capture_logs() as logs:
            notes = [await cache.read(NOTE, "1", load=load) for _ in range(2)]

        assert notes == [Note(text="hello")] * 2
        assert load.calls == 2
        assert cache.statistics["notes.note"].corrupt == 1
        assert [line["event"] for line in logs] == ["cache.corrupt"]

    async def test_without_a_store_everything_is_loaded(
        self, cache: Cache, store: MemoryStore
    ) -> None:
        load = Loader(Note(text="hello"))
        store.reachable = False

        for _ in range(2):
            assert await cache.read(NOTE, "1", load=load) == Note(text="hello")

        assert load.calls == 2
        with pytest.raises(Unavailable):
            await cache.check()
        assert cache.statistics["notes.note"].bypassed == 2
