import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as NoneFree

from app.platform.database import Database, DatabaseSettings
from tests.fixtures.database import Stage
from tests.fixtures.metrics import Seen


class TestConnections:
    async def test_that_are_not_free_in_time_are_counted(
        self, seen: Seen, database_settings: DatabaseSettings, stage: Stage
    ) -> None:
        one = {"pool_size": 1, "pool_overflow": 0, "checkout_timeout_seconds": 0.01}
        settings = database_settings.model_copy(update=one)
        async with Database.open(settings, stage=stage) as database:
            seen.watch(database)

            async with database.unit_of_work() as unit:
                await unit.session.execute(text("SELECT 1"))
                with pytest.raises(NoneFree):
                    await _look(database)

        assert seen.value("db_client_connection_timeouts_total") == 1
        assert seen.value("db_client_connections_max") == 1

    async def test_are_counted_by_what_they_do(
        self, seen: Seen, database: Database
    ) -> None:
        seen.watch(database)

        async with database.unit_of_work() as unit:
            await unit.session.execute(text("SELECT 1"))
            assert seen.value("db_client_connections", state="used") == 1
            assert seen.value("db_client_connections", state="idle") == 0

        assert seen.value("db_client_connections", state="used") == 0
        assert seen.value("db_client_connections", state="idle") == 1
        assert seen.value("db_client_connection_wait_seconds_count") == 1


async def _look(database: Database) -> None:
    async with database.read_session() as session:
        await session.execute(text("SELECT 1"))
