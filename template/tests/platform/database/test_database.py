import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import (
    Column,
    Executable,
    Integer,
    MetaData,
    Table,
    TextClause,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.schema import CreateTable
from uuid_utils.compat import uuid7

from app.platform.database import Database, DatabaseSettings
from tests.fixtures.database import Stage
from tests.platform.database.notes import Note, store

QUICK = text("SELECT 1")
SLOW = text("SELECT pg_sleep(50)")
STATEMENTS = text(
    "SELECT query, calls FROM pg_stat_statements"
    " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
CHANGES: list[Executable] = [
    insert(Note).values(text="b", id=uuid7(), version=1),
    update(Note).values(text="b"),
    delete(Note),
    select(Note).with_for_update(),
    select(Note).with_for_update(read=True),
    select(delete(Note).returning(Note.id).cte()),
    CreateTable(Table("b", MetaData(), Column("id", Integer))),
    text("/* a look */ DELETE FROM test_notes"),
    text("WITH b AS MATERIALIZED (UPDATE test_notes SET text = 'b') SELECT 1"),
    text("WITH b AS (SELECT 1) DELETE FROM test_notes"),
    text("EXPLAIN ANALYZE DELETE FROM test_notes"),
    text("SELECT * INTO b FROM test_notes WHERE deleted_at IS NULL"),
    text("TRUNCATE test_notes"),
    text("SET statement_timeout = 0"),
    text("BEGIN"),
]
LOOKS = [
    "SELECT 'INTO', ' FOR UPDATE', $$ (DELETE FROM x) $$, E'it\\'s INTO' -- INTO",
    'SELECT 1 AS "INTO", 2 AS "a""FOR UPDATE" /* INSERT INTO */',
    "WITH x AS (SELECT 1 AS updated_at) SELECT updated_at FROM x",
    "(SELECT 1) UNION (VALUES (2))",
    "EXPLAIN SELECT 1",
    "SHOW server_version",
]


class TestReadSession:
    async def test_refuses_to_write(self, database: Database) -> None:
        async with database.read_session() as session:
            session.add(Note(text="a"))

            with pytest.raises(RuntimeError, match="use a unit of work"):
                await session.flush()

    @pytest.mark.parametrize("statement", CHANGES, ids=str)
    async def test_refuses_every_statement_that_changes_something(
        self, database: Database, statement: Executable
    ) -> None:
        await store(database, "a")

        async with database.read_session() as session:
            with pytest.raises(RuntimeError, match="use a unit of work"):
                await session.execute(statement)
        async with database.read_session() as session:
            connection = await session.connection()
            with pytest.raises(RuntimeError, match="use a unit of work"):
                await connection.execute(statement)

        async with database.read_session() as session:
            assert (await session.scalars(select(Note.text))).all() == ["a"]

    @pytest.mark.parametrize("statement", LOOKS)
    async def test_takes_whatever_only_looks(
        self, database: Database, statement: str
    ) -> None:
        async with database.read_session() as session:
            await session.execute(text(statement))

    async def test_has_the_server_refuse_what_a_function_changes(
        self, database_settings: DatabaseSettings
    ) -> None:
        """With a replica, which has a pool of its own; it may well be writable."""
        settings = database_settings.model_copy(
            update={"replica_url": database_settings.url}
        )

        async with (
            Database.open(settings, stage=Stage()) as database,
            database.read_session() as session,
        ):
            with pytest.raises(DBAPIError, match="read-only transaction"):
                await session.execute(text("SELECT lo_create(0)"))

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
            async with database.primary_session() as session:
                current = await session.scalar(name)
            async with database.unit_of_work() as unit:
                written_to = await unit.session.scalar(name)

        assert empty_database.url.get_secret_value().endswith(str(read_from))
        assert database_settings.url.get_secret_value().endswith(str(written_to))
        assert current == written_to


class TestLimits:
    async def test_serves_those_who_wait_in_their_order(
        self, database_settings: DatabaseSettings
    ) -> None:
        one = database_settings.model_copy(update={"pool_size": 1, "pool_overflow": 0})
        served: list[str] = []

        async def ask(name: str) -> None:
            async with database.read_session() as session:
                await session.execute(QUICK)
                served.append(name)

        async with Database.open(one, stage=Stage()) as database:
            async with database.unit_of_work() as unit:
                await unit.session.execute(QUICK)
                waiting = [asyncio.create_task(ask(name)) for name in "abc"]
                await asyncio.sleep(0.1)
            await ask("late")
            await asyncio.gather(*waiting)

        assert served == ["a", "b", "c", "late"]

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
            async with asyncio.timeout(40):
                await database.check()

            assert not any(each.done() for each in asking)
            for each in asking:
                each.cancel()
            await asyncio.wait(asking)

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
        # The pool replaces what it knows to be closed: it may not know yet.
        with suppress(DBAPIError):
            await database.check()

        await database.check()


async def _look(database: Database, query: TextClause = QUICK) -> None:
    async with database.read_session() as session:
        await session.execute(query)
