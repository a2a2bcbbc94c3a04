from uuid import UUID

import pytest

from app.platform.database import Position
from app.platform.web.paging import InvalidCursor, decode_cursor, encode_cursor

KEY = UUID(int=2**127 - 1)
SORTED = Position(KEY, "-due", '"2030-01-31"')


class TestCursor:
    @pytest.mark.parametrize(
        "position", [Position(KEY), SORTED, Position(KEY, "name", '"Zoë\\n"')]
    )
    def test_comes_back_as_it_went(self, position: Position) -> None:
        assert decode_cursor(encode_cursor(position)) == position

    @pytest.mark.parametrize("place", range(28))
    @pytest.mark.parametrize("position", [Position(KEY), SORTED])
    def test_is_refused_after_any_change(self, position: Position, place: int) -> None:
        cursor = encode_cursor(position)
        other = "A" if cursor[place] != "A" else "B"

        with pytest.raises(InvalidCursor):
            decode_cursor(cursor[:place] + other + cursor[place + 1 :])

    @pytest.mark.parametrize(
        "cursor", ["", "x", "=" * 28, "ä" * 28, "A" * 32, "A" * 60_000]
    )
    def test_is_refused_if_made_up(self, cursor: str) -> None:
        with pytest.raises(InvalidCursor):
            decode_cursor(cursor)
