import pytest
from sqlalchemy import select, text

from app.platform.database import Database
from app.platform.database.sorting import Conditions, equal, words
from tests.platform.database.notes import Note, store

LITERALLY = {"literal_binds": True}
TEXTS = (
    "INV-2030/7 for Ada",
    "ada@example.com",
    "Zoë's Größe",
    "https://example.com/7",
)


async def found(database: Database, *conditions: Conditions) -> list[str]:
    query = select(Note).where(*(each for given in conditions for each in given))
    async with database.read_session() as session:
        notes = await session.scalars(query.order_by(Note.id))
        return [note.text for note in notes]


class TestEqual:
    async def test_asks_for_nothing_where_nothing_is_given(
        self, database: Database
    ) -> None:
        await store(database, "a", "b")

        assert await found(database, equal(Note.text, None)) == ["a", "b"]
        assert await found(database, equal(Note.text, "b")) == ["b"]


class TestWords:
    @pytest.mark.parametrize(
        ("asked", "numbers"),
        [
            (None, [0, 1, 2, 3]),
            ("ada", [0, 1]),
            ("ADA 2030", [0]),
            ("inv-2030", [0]),
            ("exam.com", [1, 3]),
            ("7", [0, 3]),
            ("größ zoë", [2]),
            ("da", []),
            ("'; DROP TABLE test_notes --", []),
            ("!&|():*\\", []),
        ],
    )
    async def test_finds_rows_with_all_of_them_or_their_beginnings(
        self, database: Database, asked: str | None, numbers: list[int]
    ) -> None:
        await store(database, *TEXTS)

        assert await found(database, words(asked, Note.text)) == [
            TEXTS[number] for number in numbers
        ]

    async def test_are_found_by_their_index(self, database: Database) -> None:
        await store(database, *TEXTS)
        query = select(Note.id).where(*words("ada", Note.text))
        spelled = query.compile(database.pools[0], compile_kwargs=LITERALLY)

        async with database.unit_of_work() as unit:
            await unit.session.execute(text("SET LOCAL enable_seqscan = off"))
            explain = text(f"EXPLAIN {spelled}")
            plan = await unit.session.scalars(
                explain, execution_options={"include_deleted": True}
            )

            assert "ix_test_notes_words" in "\n".join(plan)
