from uuid import UUID

import pytest
from fastapi import Response
from pydantic import BaseModel, ConfigDict, field_validator

from app.platform.database import Database
from app.platform.errors import PreconditionFailed
from app.platform.web.conditional import show
from tests.platform.database.notes import (
    Label,
    LabelledNotes,
    Note,
    Notes,
    NoteTaken,
    store,
)


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

    async def test_names_the_value_that_a_constraint_refused(
        self, database: Database
    ) -> None:
        [note, _] = await store(database, "a", "b")

        with pytest.raises(NoteTaken, match="b"):
            await _rename(database, note.id, "b")

    async def test_forgets_a_refused_value(self, database: Database) -> None:
        [note, _] = await store(database, "a", "b")

        async with database.unit_of_work() as unit:
            row = await Notes(unit.session).get(note.id)
            with pytest.raises(NoteTaken):
                async with unit.savepoint():
                    row.text = "b"
                    await Notes(unit.session).save(row)
            await unit.session.refresh(row)

            assert row.text == "a"

    async def test_counts_versions_and_moves_the_timestamp(
        self, database: Database
    ) -> None:
        [note] = await store(database, "a")

        changed = await _rename(database, note.id, "b")

        assert changed.version == 2
        assert changed.updated_at > note.updated_at

    async def test_counts_a_version_for_other_links(self, database: Database) -> None:
        note, tag = await _labelled(database, "a")

        changed, other = await _labelled(database, "b", note.id)

        assert (note.version, changed.version) == (1, 2)
        assert changed.updated_at > note.updated_at
        assert tag != other

    async def test_refuses_to_overwrite_links_that_have_changed_since(
        self, database: Database
    ) -> None:
        note, _ = await _labelled(database, "a")

        with pytest.raises(PreconditionFailed):
            async with database.unit_of_work() as slow:
                seen = await LabelledNotes(slow.session).get(note.id)
                await _labelled(database, "b", note.id)
                seen.labels = [Label(word="c")]
                await LabelledNotes(slow.session).save(seen)

    async def test_counts_none_for_the_same_links(self, database: Database) -> None:
        note, tag = await _labelled(database, "a")

        async with database.unit_of_work() as unit:
            same = await LabelledNotes(unit.session).get(note.id)
            same.labels = list(same.labels)
            await LabelledNotes(unit.session).save(same)

        assert (same.version, _tag(same)) == (1, tag)


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    labels: list[str]

    @field_validator("labels", mode="before")
    @classmethod
    def _words(cls, labels: list[Label]) -> list[str]:
        return [label.word for label in labels]


async def _labelled(
    database: Database, word: str, note_id: UUID | None = None
) -> tuple[Note, str]:
    """Give a note one label in place of those that it has, and see its tag."""
    async with database.unit_of_work() as unit:
        notes = LabelledNotes(unit.session)
        note = await notes.get(note_id) if note_id else Note(text=word)
        note.labels = [Label(word=word)]
        await notes.add(note)
        return note, _tag(note)


def _tag(note: Note) -> str:
    response = Response()
    show(note, Shown, response)
    return response.headers["ETag"].partition(".")[2]


async def _rename(database: Database, note_id: UUID, name: str) -> Note:
    async with database.unit_of_work() as unit:
        note = await Notes(unit.session).get(note_id)
        note.text = name
        await Notes(unit.session).save(note)
        return note
