from datetime import timedelta

from app.platform.cache import CacheEntry
from app.platform.observability import context
from app.platform.observability.context import Principal
from tests.platform.cache.summary import Line, Summary

TTL = timedelta(minutes=1)


class TestKey:
    def test_it_differs_for_other_parts(self) -> None:
        entry = CacheEntry("notes.summary", Summary, ttl=TTL)
        parts = [("a", "b"), ("a:b",), ("ab",), ("a", "b", ""), ("a%3Ab",), ("\ud800",)]

        assert len({entry.key(*each) for each in parts}) == len(parts)

    def test_it_differs_for_another_shape_of_the_value(self) -> None:
        name = "notes.summary"

        keys = {
            CacheEntry(name, Summary, ttl=TTL).key("1"),
            CacheEntry(name, Summary | None, ttl=TTL).key("1"),
            CacheEntry(name, list[Summary], ttl=TTL).key("1"),
            CacheEntry(name, Line, ttl=TTL).key("1"),
        }

        assert len(keys) == 4

    def test_it_is_the_same_in_every_process(self) -> None:
        entry = CacheEntry("notes.flags", dict[str, int], ttl=TTL)

        assert entry.key("a b") == "notes.flags:3a0cf891:a%20b"

    def test_of_what_is_personal_differs_for_whoever_asks(self) -> None:
        shared = CacheEntry("notes.flags", int, ttl=TTL)
        personal = CacheEntry("notes.flags", int, ttl=TTL, personal=True)
        callers = [
            Principal(),
            Principal("a"),
            Principal("b"),
            Principal("a", tenant="acme"),
        ]

        keys = {_key_for(caller, personal) for caller in callers}

        assert len(keys) == 4
        assert {_key_for(caller, shared) for caller in callers} == {shared.key("1")}
        assert personal.key("1", caller=callers[1]) in keys


def _key_for(caller: Principal, entry: CacheEntry[int]) -> str:
    with context.resume({}):
        context.identify(caller)
        return entry.key("1")
