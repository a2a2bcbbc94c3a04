from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.platform.database import Database, UnitEnded, UnitOfWork
from app.platform.database.engine import LivingSession
from app.platform.database.postgresql_text import Write, as_one, insertion
from app.platform.events import Event
from tests.fixtures.database import Stage
from tests.platform.database.notes import (
    Note,
    Notebook,
    Notebooks,
    Notes,
    NoteTaken,
    store,
)


class Noted(Event):
    text: str


class TestCommit:
    async def test_keeps_nothing_when_the_body_raises(self, database: Database) -> None:
        with pytest.raises(RuntimeError):
            async with database.unit_of_work() as unit:
                note = await Notes(unit.session).add(Note(text="a"))
                raise RuntimeError

        async with database.read_session() as session:
            assert await Notes(session).find(note.id) is None

    async def test_stages_events_only_of_what_is_kept(
        self, database: Database, stage: Stage
    ) -> None:
        with pytest.raises(RuntimeError):
            async with database.unit_of_work() as unit:
                unit.record(Noted(text="lost"))
                raise RuntimeError
        async with database.unit_of_work() as unit:
            unit.record(Noted(text="kept"))

        assert stage.events == [Noted(text="kept")]


@asynccontextmanager
async def timed(database: Database) -> AsyncIterator[UnitOfWork]:
    """A unit of work that knows the time, as a request with an idempotency key."""
    async with database.unit_of_work() as unit:
        now = (await unit.session.scalars(select(func.now()))).one()
        cast("LivingSession", unit.session.sync_session).know_time(now)
        yield unit


def other(text: str) -> Write:
    return insertion(Notebook, [{"id": uuid4(), "title": text}])


class TestWaiting:
    """A row of which all is known goes with what the commit writes."""

    async def test_is_one_statement_with_the_rest(
        self, database: Database, queries: list[str]
    ) -> None:
        stored: list[int] = []
        async with timed(database) as unit:
            queries.clear()
            note = await Notes(unit.session).add(Note(text="a"))
            assert queries == []
            several = [{"id": uuid4(), "title": each} for each in "bc"]
            unit.write_last(insertion(Notebook, several), judge=stored.append)

        assert len(queries) == 1
        assert stored == [2]
        async with database.read_session() as session:
            found = await Notes(session).get(note.id)
        for name in ("text", "version", "created_at", "updated_at", "deleted_at"):
            assert getattr(found, name) == getattr(note, name)

    def test_is_compiled_once(self) -> None:
        [one, many] = ([{"id": uuid4(), "title": "a"}] * times for times in (1, 3))

        for rows in (one, many):
            together = as_one(insertion(Notebook, rows)[0])
            assert together is as_one(insertion(Notebook, rows)[0])
            assert together._generate_cache_key() is not None  # noqa: SLF001

    async def test_needs_no_look_at_what_nothing_else_changes(
        self, database: Database, queries: list[str]
    ) -> None:
        async with timed(database) as unit:
            notebooks = Notebooks(unit.session)
            queries.clear()
            notebook = await notebooks.add(Notebook(title="a"))
            assert await notebooks.reload(notebook) is notebook
            assert queries == []
            for title in ("b", "c"):
                unit.write_last(other(title))

        async with database.read_session() as session:
            assert await session.scalar(select(func.count(Notebook.id))) == 3
            found = await Notebooks(session).get(notebook.id)
        assert found.created_at == notebook.created_at

    async def test_goes_before_the_next_statement(self, database: Database) -> None:
        async with timed(database) as unit:
            notes = Notes(unit.session)
            note = await notes.add(Note(text="a"))
            assert (await notes.get(note.id)) is note
            await notes.add(Note(text="b"))
            await notes.add(Note(text="c"))

        async with database.read_session() as session:
            assert await session.scalar(select(func.count(Note.id))) == 3

    @pytest.mark.parametrize("writes", [True, False])
    async def test_is_refused_by_name_at_the_end(
        self, database: Database, writes: bool
    ) -> None:
        await store(database, "a")

        with pytest.raises(NoteTaken):
            async with timed(database) as unit:
                await Notes(unit.session).add(Note(text="a"))
                if writes:
                    unit.write_last(other("b"))

        async with database.read_session() as session:
            assert await session.scalar(select(func.count(Notebook.id))) == 0

    async def test_is_refused_by_name_at_the_next_statement(
        self, database: Database
    ) -> None:
        await store(database, "a")

        async def look() -> None:
            async with timed(database) as unit:
                await Notes(unit.session).add(Note(text="a"))
                with pytest.raises(NoteTaken):
                    await unit.session.scalar(select(func.count(Note.id)))

        with pytest.raises(UnitEnded):
            await look()

    async def test_is_refused_at_once_in_a_savepoint(self, database: Database) -> None:
        await store(database, "a")

        async with timed(database) as unit:
            async with unit.savepoint():
                with pytest.raises(NoteTaken):
                    await Notes(unit.session).add(Note(text="a"))
                refused = True
            unit.write_last(other("b"))

        assert refused

    async def test_is_as_it_was_left(self, database: Database) -> None:
        async with timed(database) as unit:
            note = await Notes(unit.session).add(Note(text="a"))
            note.text = "b"
            note.notebook = Notebook(title="c")
            unit.write_last(other("d"))

        async with database.read_session() as session:
            found = await Notes(session).get(note.id)
        assert found.text == "b"
        assert found.notebook is not None
        assert found.notebook.title == "c"


class TestAfterCommit:
    async def test_is_left_out_when_the_body_raises(self, database: Database) -> None:
        done: list[str] = []

        with pytest.raises(RuntimeError):
            async with database.unit_of_work() as unit:
                unit.after_commit(_note, done, "told")
                raise RuntimeError

        assert done == []

    async def test_finds_the_work_done_and_on_another_connection(
        self, database: Database
    ) -> None:
        found: list[Note | None] = []

        async def look(note: Note) -> None:
            async with database.read_session() as session:
                found.append(await Notes(session).find(note.id))

        async with database.unit_of_work() as unit:
            note = await Notes(unit.session).add(Note(text="a"))
            unit.after_commit(look, note)

        assert [each and each.text for each in found] == ["a"]

    async def test_goes_on_after_an_action_that_fails(self, database: Database) -> None:
        done: list[str] = []

        async with database.unit_of_work() as unit:
            unit.after_commit(_fail)
            unit.after_commit(_note, done, "second")

        assert done == ["second"]


async def _note(done: list[str], word: str) -> None:
    done.append(word)


async def _fail() -> None:
    raise RuntimeError
