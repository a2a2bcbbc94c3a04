from datetime import UTC, datetime

import pytest
from sqlalchemy import QueuePool, event, select
from sqlalchemy.orm import selectinload
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

    async def test_gives_objects_that_a_unit_of_work_can_go_on_with(
        self, database: Database
    ) -> None:
        [note] = await store(database, "a")
        async with database.read_session() as session:
            found = await Notes(session).get(note.id)

        async with database.unit_of_work() as unit:
            unit.session.add(found)
            found.text = "b"

        async with database.read_session() as session:
            assert (await Notes(session).get(note.id)).text == "b"

    async def test_sees_what_is_deleted_in_no_role(self, database: Database) -> None:
        async with database.unit_of_work() as unit:
            notebook = Notebook(title="n")
            unit.session.add(notebook)
            await unit.session.flush()
            note = await Notes(unit.session).add(
                Note(text="a", notebook_id=notebook.id)
            )
            notebook.deleted_at = datetime.now(UTC)

        async with database.read_session() as session:
            assert (await Notes(session).get(note.id)).notebook is None

    async def test_takes_no_second_connection(self, database: Database) -> None:
        [note] = await store(database, "a")
        async with database.read_session() as session:
            await session.scalar(select(1))
            await Notes(session).get(note.id)

            [pool] = {each.pool for each in database.pools}
            assert isinstance(pool, QueuePool)
            assert pool.checkedout() == 1


class TestAll:
    async def test_asks_in_the_same_words_for_other_values(
        self, database: Database
    ) -> None:
        await store(database, "a", "b", "c")
        asked: set[str] = set()
        event.listen(
            database.pools[0].sync_engine,
            "before_cursor_execute",
            lambda *given: asked.add(given[2]),
        )

        async with database.read_session() as session:
            notes = Notes(session)
            for text in ("a", "b", "z"):
                query = select(Note).where(Note.text == text).limit(2)
                assert [each.text for each in await notes.all(query)] == (
                    [] if text == "z" else [text]
                )
            query = select(Note).where(Note.text.in_(["a", "c"])).order_by(Note.text)
            assert [each.text for each in await notes.all(query)] == ["a", "c"]

        assert len(asked) == 2

    async def test_loads_what_the_query_itself_asks_for(
        self, database: Database
    ) -> None:
        await store(database, "a")
        async with database.read_session() as session:
            query = select(Note).options(selectinload(Note.labels))
            [note] = await Notes(session).all(query)

            assert note.labels == []
