import pytest

from app.platform.database import Database
from app.platform.events import Event
from tests.fixtures.database import Stage
from tests.platform.database.notes import Note, Notes


class NoteTaken(Event):
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
                unit.record(NoteTaken(text="lost"))
                raise RuntimeError
        async with database.unit_of_work() as unit:
            unit.record(NoteTaken(text="kept"))

        assert stage.events == [NoteTaken(text="kept")]


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
