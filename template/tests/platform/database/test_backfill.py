"""A revision that gives rows a value, while others go on writing."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.platform.database import Database, DatabaseSettings
from app.platform.database.batches import backfill, require
from app.platform.database.engine import create_session_engine
from app.platform.database.postgresql import limit_lock_waits
from tests.platform.test_cli import add_revision, copy_service

MANY = 100_000
LEAVES = """
    CREATE TABLE leaves (tree bigint, number bigint, sign text, kind text,
    PRIMARY KEY (tree, number))
"""
GROW = """
    INSERT INTO leaves SELECT n % 7, n, 'oak-' || n FROM generate_series(1, :many) n
"""
REVISION = """
    from app.platform.database.batches import backfill, require
    backfill(op, "leaves", {"kind": "left(sign, 3)"}, where="kind IS NULL")
    require(op, "leaves", "kind")
"""
MISSING = "SELECT count(*) FROM leaves WHERE kind IS NULL"


async def grow(database: Database, many: int) -> None:
    async with database.unit_of_work() as unit:
        await unit.session.execute(text(LEAVES))
        await unit.session.execute(text(GROW), {"many": many})


async def ask(database: Database, question: str) -> Any:
    async with database.read_session() as session:
        return await session.scalar(text(question))


@asynccontextmanager
async def migrating(
    service: Path, settings: DatabaseSettings
) -> AsyncIterator[Process]:
    environment = os.environ | {"DATABASE__URL": settings.url.get_secret_value()}
    words = ("-m", "app.cli", "migrate")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=service, env=environment, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def write(database: Database, seed: int, ended: asyncio.Event) -> int:
    """Change and insert rows as requests do, within their limits."""
    random, number = Random(seed), count(MANY * seed + 1)
    change = text(
        "UPDATE leaves SET sign = sign || '!' WHERE number = :n AND tree = :t"
    )
    insert = text("INSERT INTO leaves VALUES (8, :n, 'ash-1', 'ash')")
    written = 0
    while not ended.is_set():
        changed = random.randint(1, MANY)
        async with database.unit_of_work() as unit:
            await unit.session.execute(change, {"n": changed, "t": changed % 7})
            await unit.session.execute(insert, {"n": next(number)})
        written += 1
        await asyncio.sleep(0.005)
    return written


async def revise(
    settings: DatabaseSettings, function: Callable[[Operations], None]
) -> None:
    """Run the body of a revision as `migrate` does."""

    def run(connection: Connection) -> None:
        options = {"transaction_per_migration": True}
        context = MigrationContext.configure(connection, opts=options)
        with context.begin_transaction(_per_migration=True):
            function(Operations(context))

    engine = create_session_engine(settings)
    try:
        async with engine.connect() as connection:
            await limit_lock_waits(connection, 0.5)
            await connection.run_sync(run)
    finally:
        await engine.dispose()


def fill(op: Operations) -> None:
    backfill(op, "leaves", {"kind": "left(sign, 3)"}, where="kind IS NULL", batch=10)


class TestBackfill:
    @pytest.mark.timeout(300)
    async def test_is_killed_and_run_again_while_others_write(
        self, tmp_path: Path, database: Database, database_settings: DatabaseSettings
    ) -> None:
        await grow(database, MANY)
        service = copy_service(tmp_path)
        add_revision(service, REVISION.strip())
        ended = asyncio.Event()

        async with asyncio.TaskGroup() as group:
            writers = [
                group.create_task(write(database, seed, ended)) for seed in (1, 2, 3)
            ]
            async with migrating(service, database_settings) as killed:
                assert killed.stdout is not None
                progress = await killed.stdout.readline()
                killed.kill()
            left = await ask(database, MISSING)
            async with migrating(service, database_settings) as resumed:
                said, errors = await resumed.communicate()
            ended.set()

        assert b"rows filled" in progress
        assert 0 < left < MANY
        assert resumed.returncode == 0, errors
        assert f"leaves: {left:,} rows filled\n" in said.decode()
        assert said.decode().endswith("Applied to platform: Count to one.\n")
        assert await ask(database, MISSING) == 0
        assert all(writer.result() for writer in writers)
        with pytest.raises(DBAPIError, match="null value"):
            async with database.unit_of_work() as unit:
                await unit.session.execute(text("INSERT INTO leaves VALUES (9, 1)"))

    async def test_leaves_what_others_hold_to_the_end(
        self, database: Database, database_settings: DatabaseSettings
    ) -> None:
        await grow(database, 100)
        async with database.unit_of_work() as unit:
            held = "UPDATE leaves SET sign = 'elm-1' WHERE number = 7"
            await unit.session.execute(text(held))

            with pytest.raises(DBAPIError, match="lock timeout"):
                await revise(database_settings, fill)

            assert await ask(database, MISSING) == 1

        await revise(database_settings, fill)
        assert await ask(database, "SELECT kind FROM leaves WHERE number = 7") == "elm"

    async def test_refuses_a_condition_that_its_values_do_not_end(
        self, database: Database, database_settings: DatabaseSettings
    ) -> None:
        await grow(database, 100)

        def for_ever(op: Operations) -> None:
            backfill(op, "leaves", {"kind": "NULL"}, where="kind IS NULL")

        with pytest.raises(CommandError, match="it would never end"):
            await revise(database_settings, for_ever)

    async def test_refuses_to_stand_behind_what_would_be_done_twice(
        self, database: Database, database_settings: DatabaseSettings
    ) -> None:
        await grow(database, 100)

        def add_and_fill(op: Operations) -> None:
            op.execute("ALTER TABLE leaves ADD COLUMN colour text")
            fill(op)

        with pytest.raises(CommandError, match="a revision of its own"):
            await revise(database_settings, add_and_fill)

        columns = "SELECT count(*) FROM pg_attribute WHERE attname = 'colour'"
        assert await ask(database, columns) == 0


class TestRequire:
    async def test_says_that_a_row_has_none(
        self, database: Database, database_settings: DatabaseSettings
    ) -> None:
        await grow(database, 100)

        with pytest.raises(DBAPIError, match="violated by some row"):
            await revise(database_settings, lambda op: require(op, "leaves", "kind"))

        await revise(database_settings, fill)
        await revise(database_settings, lambda op: require(op, "leaves", "kind"))
        checks = "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'ck_leaves%'"
        assert await ask(database, checks) == 0
