import asyncio

import pytest

from app.platform.database import Database
from tests.platform.database.notes import NoteTaken, store


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
