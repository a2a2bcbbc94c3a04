from uuid import UUID

import pytest

from app.platform.web.cursor import InvalidCursor, decode_cursor, encode_cursor


class TestCursor:
    def test_comes_back_as_it_went(self) -> None:
        key = UUID(int=7)

        assert decode_cursor(encode_cursor(key)) == key

    @pytest.mark.parametrize("position", range(28))
    def test_is_refused_after_any_change(self, position: int) -> None:
        cursor = encode_cursor(UUID(int=2**127 - 1))
        other = "A" if cursor[position] != "A" else "B"

        with pytest.raises(InvalidCursor):
            decode_cursor(cursor[:position] + other + cursor[position + 1 :])

    @pytest.mark.parametrize("cursor", ["", "x", "=" * 28, "ä" * 28, "A" * 60_000])
    def test_is_refused_if_made_up(self, cursor: str) -> None:
        with pytest.raises(InvalidCursor):
            decode_cursor(cursor)
