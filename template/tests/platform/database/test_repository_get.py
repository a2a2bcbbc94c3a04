import asyncio

import pytest
from uuid_utils.compat import uuid7

from app.platform.database import Database
from tests.platform.database.notes import Note, Notebook, NoteNotFound, Notes, store


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


class TestLock:
    async def test_raises_when_there_is_none(self, database: Database) -> None:
        with pytest.raises(NoteNotFound):
            async with database.unit_of_work() as unit:
                await Notes(unit.session).lock(uuid7())

    async def test_waits_for_who_has_it_and_sees_what_they_did(
        self, database: Database
    ) -> None:
        [stored] = await store(database, "a")

        async def look() -> str:
            async with database.unit_of_work() as unit:
                notes = Notes(unit.session)
                seen = (await notes.get(stored.id)).text
                return f"{seen}, then {(await notes.lock(stored.id)).text}"

        async with database.unit_of_work() as unit:
            note = await Notes(unit.session).lock(stored.id)
            looking = asyncio.create_task(look())
            await asyncio.sleep(0.2)
            assert not looking.done()
            note.text = "b"

        assert await looking == "a, then b"
