import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from app.platform.database import Database, UnitEnded
from app.platform.events import Event
from tests.fixtures.database import Stage
from tests.platform.database.notes import Note, Notes, NoteTaken, store


class Noted(Event):
    text: str


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

    async def test_ends_the_unit_with_a_refusal_and_says_so(
        self, database: Database
    ) -> None:
        await store(database, "a")

        with pytest.raises(UnitEnded, match=r"unit.savepoint\(\)"):
            async with database.unit_of_work() as unit:
                with pytest.raises(NoteTaken):
                    await Notes(unit.session).add(Note(text="a"))
                await Notes(unit.session).add(Note(text="b"))

    async def test_is_never_lost_in_silence(self, database: Database) -> None:
        await store(database, "a")

        with pytest.raises(UnitEnded):
            async with database.unit_of_work() as unit:
                await Notes(unit.session).add(Note(text="b"))
                with pytest.raises(NoteTaken):
                    await Notes(unit.session).add(Note(text="a"))

    async def test_says_so_after_a_statement_of_ones_own(
        self, database: Database
    ) -> None:
        with pytest.raises(UnitEnded):
            async with database.unit_of_work() as unit:
                with pytest.raises(DBAPIError):
                    await unit.session.scalar(select(func.no_such_function()))
                await unit.session.scalar(select(1))

    async def test_lets_a_unit_go_on_from_a_savepoint(
        self, database: Database, stage: Stage
    ) -> None:
        await store(database, "a")

        async with database.unit_of_work() as unit:
            notes = Notes(unit.session)
            kept = await notes.add(Note(text="b"))
            with pytest.raises(NoteTaken):
                async with unit.savepoint():
                    unit.record(Noted(text="a"))
                    await notes.add(Note(text="a"))
            unit.record(Noted(text="c"))
            await notes.add(Note(text="c"))
            assert await notes.get(kept.id) is kept

        assert stage.events == [Noted(text="c")]
        async with database.read_session() as session:
            assert await session.scalar(select(func.count(Note.id))) == 3


class TestGetOrAdd:
    async def test_inserts_what_is_not_there(self, database: Database) -> None:
        async with database.unit_of_work() as unit:
            note = Note(text="a")
            added = await Notes(unit.session).get_or_add(note, "text")
            added.text = "b"

        assert added.id == note.id
        assert added.created_at is not None
        async with database.read_session() as session:
            assert (await Notes(session).get(note.id)).version == 2

    async def test_gets_what_is_there_and_goes_on(self, database: Database) -> None:
        [there] = await store(database, "a")

        async with database.unit_of_work() as unit:
            notes = Notes(unit.session)
            found = await notes.get_or_add(Note(text="a"), "text")
            await notes.add(Note(text="b"))

        assert found.id == there.id
        assert found.notebook is None

    async def test_gives_one_row_to_all_of_many_at_once(
        self, database: Database
    ) -> None:
        async def get_or_add() -> Note:
            async with database.unit_of_work() as unit:
                return await Notes(unit.session).get_or_add(Note(text="a"), "text")

        found = await asyncio.gather(*(get_or_add() for _ in range(10)))

        assert len({note.id for note in found}) == 1

    async def test_passes_over_what_was_removed(self, database: Database) -> None:
        [gone] = await store(database, "a")
        async with database.unit_of_work() as unit:
            await Notes(unit.session).remove(await Notes(unit.session).get(gone.id))

        async with database.unit_of_work() as unit:
            added = await Notes(unit.session).get_or_add(Note(text="a"), "text")

        assert added.id != gone.id
