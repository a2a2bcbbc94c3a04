from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, computed_field

from app.platform.cache import CacheEntry

TTL = timedelta(minutes=1)


class Line(BaseModel):
    product: UUID = UUID(int=1)
    price: Decimal = Decimal("1.10")


class Summary(BaseModel):
    made_at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    lines: list[Line] = [Line()]
    currency: str = Field("EUR", alias="currencyCode")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def count(self) -> int:
        return len(self.lines)


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
