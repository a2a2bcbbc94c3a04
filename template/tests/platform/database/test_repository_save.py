from uuid import UUID

import pytest

from app.platform.database import Database
from app.platform.errors import PreconditionFailed
from tests.platform.database.notes import Note, Notes, NoteTaken, store


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


async def _rename(database: Database, note_id: UUID, name: str) -> Note:
    async with database.unit_of_work() as unit:
        note = await Notes(unit.session).get(note_id)
        note.text = name
        await Notes(unit.session).save(note)
        return note
