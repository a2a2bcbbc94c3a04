from app.platform.cache import Cache
from tests.fixtures.metrics import Seen
from tests.platform.cache.notes import NOTE, Loader, Note


class TestQuestions:
    async def test_are_steps_that_tell_no_key_and_no_value(
        self, seen: Seen, traced: str, cache: Cache
    ) -> None:
        seen.watch(cache)

        await cache.read(NOTE, "hunter2", load=Loader(Note(text="hunter2")))
        await cache.forget(NOTE, "hunter2")

        assert seen.names() == ["cache get", "cache fill", "cache forget"]
        assert seen.attributes("cache get") == {
            "db.system.name": "memory",
            "db.operation.name": "get",
            "cache.hit": False,
        }
        assert "hunter2" not in seen.text()

    async def test_of_a_probe_are_none(
        self, seen: Seen, traced: str, cache: Cache
    ) -> None:
        seen.watch(cache)

        await cache.check()

        assert seen.spans() == []
