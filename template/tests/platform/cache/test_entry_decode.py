from datetime import timedelta

import pytest

from app.platform.cache import CacheEntry
from app.platform.cache.cache import RECENT
from tests.platform.cache.summary import Line, Summary

TTL = timedelta(minutes=1)


class TestDecode:
    @pytest.mark.parametrize("data", [b"", b"null", b"[1]", b"\x00", b'{"lines": 1}'])
    def test_other_bytes_are_refused(self, data: bytes) -> None:
        entry = CacheEntry("notes.summary", Summary, ttl=TTL)

        with pytest.raises(ValueError, match="validation error"):
            entry.decode(data)

    def test_a_model_comes_back_as_it_was(self) -> None:
        entry = CacheEntry("notes.summary", Summary, ttl=TTL)
        summary = Summary(currencyCode="USD")

        assert entry.decode(entry.encode(summary)) == summary

    def test_any_type_of_pydantic_comes_back_as_it_was(self) -> None:
        lines = CacheEntry("notes.lines", list[Line] | None, ttl=TTL)
        totals = CacheEntry("notes.totals", dict[str, tuple[int, bytes]], ttl=TTL)

        assert lines.decode(lines.encode([Line()])) == [Line()]
        assert lines.decode(lines.encode(None)) is None
        assert totals.decode(totals.encode({"EUR": (1, b"x")})) == {"EUR": (1, b"x")}

    def test_the_same_bytes_are_read_once(self) -> None:
        entry = CacheEntry("notes.lines", list[Line], ttl=TTL)
        some, more = entry.encode([Line()]), entry.encode([Line(), Line()])

        first = entry.decode(some)

        assert entry.decode(bytes(bytearray(some))) is first
        assert entry.decode(more) == [Line(), Line()]
        assert entry.decode(some) is first

    def test_no_more_values_are_kept_than_are_read_again(self) -> None:
        entry = CacheEntry("notes.number", list[int], ttl=TTL)
        first = entry.decode(b"[0]")

        for number in range(1, RECENT + 1):
            entry.decode(f"[{number}]".encode())

        assert entry.decode(b"[0]") is not first
