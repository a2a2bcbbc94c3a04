import asyncio

import pytest
from sqlalchemy import TextClause, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.platform.database import Database, DatabaseSettings
from tests.fixtures.database import Stage
from tests.platform.database.notes import Note

QUICK = text("SELECT 1")
SLOW = text("SELECT pg_sleep(3)")
STATEMENTS = text(
    "SELECT query, calls FROM pg_stat_statements"
    " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class TestReadSession:
    async def test_refuses_to_write(self, database: Database) -> None:
        async with database.read_session() as session:
            session.add(Note(text="a"))

            with pytest.raises(RuntimeError, match="use a unit of work"):
                await session.flush()

    async def test_takes_one_statement_without_a_transaction(
        self, database: Database
    ) -> None:
        query = select(Note).where(Note.text == "a")
        async with database.read_session() as session:
            await session.scalar(query)
            await session.execute(text("SELECT pg_stat_statements_reset()"))

        for _ in range(3):
            async with database.read_session() as session:
                await session.scalar(query)

        async with database.read_session() as session:
            statements = (await session.execute(STATEMENTS)).all()
        assert [calls for query, calls in statements if "test_notes" in query] == [3]
        words = {query.split()[0] for query, _ in statements}
        assert not words & {"BEGIN", "ROLLBACK", "COMMIT"}

    async def test_asks_the_replica_when_there_is_one(
        self, database_settings: DatabaseSettings, empty_database: DatabaseSettings
    ) -> None:
        settings = database_settings.model_copy(
            update={"replica_url": empty_database.url}
        )
        name = text("SELECT current_database()")

        async with Database.open(settings, stage=Stage()) as database:
            async with database.read_session() as session:
                read_from = await session.scalar(name)
            async with database.unit_of_work() as unit:
                written_to = await unit.session.scalar(name)

        assert empty_database.url.get_secret_value().endswith(str(read_from))
        assert database_settings.url.get_secret_value().endswith(str(written_to))


class TestLimits:
    async def test_bounds_the_wait_for_a_connection(
        self, database_settings: DatabaseSettings
    ) -> None:
        settings = database_settings.model_copy(
            update={
                "pool_size": 1,
                "pool_overflow": 0,
                "checkout_timeout_seconds": 0.1,
            }
        )

        async with (
            Database.open(settings, stage=Stage()) as database,
            database.unit_of_work() as unit,
        ):
            await unit.session.execute(text("SELECT 1"))

            with pytest.raises(PoolTimeoutError):
                await _look(database)

    @pytest.mark.parametrize(
        ("limit", "statement", "refusal"),
        [
            ("statement_timeout_seconds", "SELECT pg_sleep(2)", "statement timeout"),
            ("lock_timeout_seconds", "LOCK test_notes", "lock timeout"),
        ],
    )
    async def test_bounds_each_statement(
        self,
        database: Database,
        database_settings: DatabaseSettings,
        limit: str,
        statement: str,
        refusal: str,
    ) -> None:
        settings = database_settings.model_copy(update={limit: 0.1})

        async with (
            database.unit_of_work() as other,
            Database.open(settings, stage=Stage()) as limited,
        ):
            await other.session.execute(text("LOCK test_notes"))
            with pytest.raises(DBAPIError, match=refusal):
                await _execute(limited, statement)

    async def test_ends_a_transaction_that_idles(
        self, database_settings: DatabaseSettings
    ) -> None:
        settings = database_settings.model_copy(
            update={"idle_in_transaction_timeout_seconds": 0.1}
        )

        async with Database.open(settings, stage=Stage()) as database:
            with pytest.raises(DBAPIError, match=r"closed|terminating"):
                async with database.unit_of_work() as unit:
                    await unit.session.execute(text("SELECT 1"))
                    await asyncio.sleep(0.3)
                    await unit.session.execute(text("SELECT 1"))


class TestCancellation:
    async def test_leaks_no_connection(self, database: Database) -> None:
        async def work() -> None:
            async with database.unit_of_work() as unit:
                await unit.session.execute(text("SELECT pg_sleep(0.01)"))

        for number in range(60):
            task = asyncio.create_task(work())
            await asyncio.sleep(number % 15 / 1000)
            task.cancel()
            await asyncio.wait([task])

        # The pool holds 15: were one lost each time, none would be left.
        await asyncio.gather(*(_execute(database, "SELECT 1") for _ in range(15)))


async def _execute(database: Database, statement: str) -> None:
    async with database.unit_of_work() as unit:
        await unit.session.execute(text(statement))


class TestCheck:
    async def test_does_not_wait_for_requests(
        self, database_settings: DatabaseSettings
    ) -> None:
        few = database_settings.model_copy(update={"pool_size": 2, "pool_overflow": 0})

        async with Database.open(few, stage=Stage()) as database:
            await database.check()
            asking = [asyncio.create_task(_look(database, SLOW)) for _ in range(2)]
            await asyncio.sleep(0.1)
            async with asyncio.timeout(2):
                await database.check()

            assert not any(each.done() for each in asking)
            await asyncio.gather(*asking)

    async def test_comes_back_after_its_connection_was_lost(
        self, database: Database
    ) -> None:
        await database.check()
        async with database.unit_of_work() as unit:
            await unit.session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        with pytest.raises(DBAPIError):
            await database.check()

        await database.check()


async def _look(database: Database, query: TextClause = QUICK) -> None:
    async with database.read_session() as session:
        await session.execute(query)
