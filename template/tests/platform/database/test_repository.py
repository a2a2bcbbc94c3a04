import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from app.platform.database import Database
from app.platform.errors import PreconditionFailed
from tests.platform.database.notes import (
    Note,
    Notebook,
    NoteNotFound,
    Notes,
    NoteTaken,
)


async def store(database: Database, *texts: str) -> list[Note]:
    async with database.unit_of_work() as unit:
        return [await Notes(unit.session).add(Note(text=text)) for text in texts]


class TestAdd:
    async def test_refuses_what_the_constraint_refuses(
        self, database: Database
    ) -> None:
        await store(database, "a")

        with pytest.raises(NoteTaken):
            await store(database, "a")

    async def test_lets_one_of_many_at_once_through(self, database: Database) -> None:
        results = await asyncio.gather(
            *(store(database, "a") for _ in range(10)), return_exceptions=True
        )

        refused = [each for each in results if isinstance(each, NoteTaken)]
        assert len(refused) == 9

    async def test_knows_what_the_database_set(self, database: Database) -> None:
        [note] = await store(database, "a")

        assert note.created_at == note.updated_at
        assert note.created_at.tzinfo is not None


class TestGet:
    async def test_raises_when_there_is_none(self, database: Database) -> None:
        with pytest.raises(NoteNotFound):
            async with database.read_session() as session:
                await Notes(session).get(uuid7())

    async def test_brings_along_what_is_eager(self, database: Database) -> None:
        async with database.unit_of_work() as unit:
            notebook = Notebook(title="n")
            unit.session.add(notebook)
            await unit.session.flush()
            note = await Notes(unit.session).add(
                Note(text="a", notebook_id=notebook.id)
            )

        async with database.read_session() as session:
            found = await Notes(session).get(note.id)
        assert found.notebook is not None
        assert found.notebook.title == "n"


class TestSave:
    async def test_refuses_to_overwrite_what_has_changed_since(
        self, database: Database
    ) -> None:
        [note] = await store(database, "a")

        with pytest.raises(PreconditionFailed):
            async with database.unit_of_work() as slow:
                seen = await Notes(slow.session).get(note.id)
                await _rename(database, note.id, "b")
                seen.text = "c"
                await Notes(slow.session).save(seen)

    async def test_counts_versions_and_moves_the_timestamp(
        self, database: Database
    ) -> None:
        [note] = await store(database, "a")

        changed = await _rename(database, note.id, "b")

        assert changed.version == 2
        assert changed.updated_at > note.updated_at


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


async def _rename(database: Database, note_id: UUID, name: str) -> Note:
    async with database.unit_of_work() as unit:
        note = await Notes(unit.session).get(note_id)
        note.text = name
        await Notes(unit.session).save(note)
        return note
