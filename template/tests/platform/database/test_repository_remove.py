import pytest
from sqlalchemy import Delete, Update, delete, func, select, update

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

    @pytest.mark.parametrize(
        "statement",
        [
            update(Note).values(text=func.concat(Note.text, "!")),
            delete(Note),
            delete(Note).where(Note.text.in_(select(Note.text).scalar_subquery())),
        ],
        ids=str,
    )
    async def test_hides_the_row_from_changes_in_bulk(
        self, database: Database, statement: Update | Delete
    ) -> None:
        notes = await store(database, "a", "b")
        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(notes[0].id))

        async with database.unit_of_work() as unit:
            returned = (await unit.session.scalars(statement.returning(Note.id))).all()

        assert returned == [notes[1].id]
        everything = select(Note.text).execution_options(include_deleted=True)
        async with database.read_session() as session:
            assert "a" in (await session.scalars(everything)).all()

    async def test_leaves_the_row_to_who_asks_for_it(self, database: Database) -> None:
        [note] = await store(database, "a")
        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(note.id))

        purge = delete(Note).where(Note.deleted_at.is_not(None))
        async with database.unit_of_work() as unit:
            everything = {"include_deleted": True}
            await unit.session.execute(purge, execution_options=everything)

        async with database.read_session() as session:
            everything_left = select(Note).execution_options(include_deleted=True)
            assert (await session.scalars(everything_left)).all() == []
