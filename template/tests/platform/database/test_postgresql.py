from app.platform.database import Database
from app.platform.database.postgresql import try_lock


class TestTryLock:
    async def test_says_at_once_that_another_has_it(self, database: Database) -> None:
        async with database.unit_of_work() as first, database.unit_of_work() as second:
            assert await try_lock(first.session, "a")
            assert not await try_lock(second.session, "a")
            assert await try_lock(second.session, "b")

    async def test_ends_with_the_transaction(self, database: Database) -> None:
        async with database.unit_of_work() as first:
            assert await try_lock(first.session, "a")

        async with database.unit_of_work() as second:
            assert await try_lock(second.session, "a")
