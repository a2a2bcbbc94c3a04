from uuid import UUID

from app.platform.database import Database
from tests.platform.database.notes import Notes, store


class TestPage:
    async def test_walks_every_row_once_newest_first(self, database: Database) -> None:
        notes = await store(database, *"abcde")

        seen: list[UUID] = []
        after = None
        async with database.read_session() as session:
            while True:
                page = await Notes(session).list_of(after=after, limit=2)
                seen += [note.id for note in page.items]
                if (after := page.next) is None:
                    break

        assert seen == [note.id for note in reversed(notes)]

    async def test_has_no_next_when_the_rows_just_fit(self, database: Database) -> None:
        await store(database, *"ab")

        async with database.read_session() as session:
            page = await Notes(session).list_of(after=None, limit=2)

        assert page.next is None
        assert page.map(lambda note: note.text).items == ["b", "a"]
