import pytest
from uuid_utils.compat import uuid7

from app.platform.database import Database
from tests.platform.database.notes import Note, Notebook, NoteNotFound, Notes


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
