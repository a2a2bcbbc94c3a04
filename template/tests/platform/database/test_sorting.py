from typing import Any

import pytest
from sqlalchemy import select

from app.platform.database import Database, Position
from app.platform.database.sorting import Sort
from app.platform.errors import Invalid
from tests.platform.database.notes import Note, Notes, store

WALKS = {
    "-created_at": ["a", "c", "b", "d"],
    "created_at": ["d", "b", "c", "a"],
    "text": ["a", "b", "c", "d"],
    "-text": ["d", "c", "b", "a"],
}


async def walk(database: Database, sort: str) -> list[str]:
    seen: list[str] = []
    after = None
    async with database.read_session() as session:
        while True:
            page = await Notes(session).page(
                select(Note), after=after, limit=3, sort=sort
            )
            seen += [note.text for note in page.items]
            if (after := page.next) is None:
                return seen


class TestSort:
    @pytest.mark.parametrize("sort", WALKS)
    async def test_leads_through_every_row_once(
        self, database: Database, sort: str
    ) -> None:
        await store(database, *"dbca")

        assert await walk(database, sort) == WALKS[sort]

    @pytest.mark.parametrize("sort", ["version", "-version"])
    async def test_is_by_key_where_values_are_equal(
        self, database: Database, sort: str
    ) -> None:
        await store(database, *"dbca")

        assert sorted(await walk(database, sort)) == ["a", "b", "c", "d"]

    @pytest.mark.parametrize(
        "after", [{"sort": "text"}, {"sort": "-version", "value": "many"}]
    )
    async def test_refuses_a_position_of_another_order(
        self, database: Database, after: dict[str, Any]
    ) -> None:
        [note] = await store(database, "a")

        with pytest.raises(Invalid):
            Sort(Note, "-version").seek(select(Note), Position(note.id, **after))
