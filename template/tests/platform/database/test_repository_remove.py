from sqlalchemy import func, select

from app.platform.database import Database
from tests.platform.database.notes import Note, Notes, store


class TestRemove:
    async def test_hides_the_row_from_every_query(self, database: Database) -> None:
        notes = await store(database, "a", "b")

        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(notes[0].id))

        async with database.read_session() as session:
            assert await Notes(session).find(notes[0].id) is None
            assert await session.scalar(select(func.count(Note.id))) == 1
            everything = select(Note).execution_options(include_deleted=True)
            assert len((await session.scalars(everything)).all()) == 2

    async def test_frees_what_was_unique(self, database: Database) -> None:
        [note] = await store(database, "a")

        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(note.id))

        assert await store(database, "a")
