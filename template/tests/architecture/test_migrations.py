import asyncio
import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from app.platform.database import Base, DatabaseSettings, migrations
from app.platform.database.migrations import (
    APP,
    alembic_config,
    branches,
    created_by,
    tables_of,
)
from app.platform.database.postgresql import session_lock
from tests.fixtures.database import Server

BRANCHES = list(branches())


class TestBranches:
    @pytest.mark.parametrize("branch", BRANCHES)
    def test_have_one_base_and_one_head_each(self, branch: str) -> None:
        script = ScriptDirectory.from_config(alembic_config())

        revisions = [
            revision
            for revision in script.walk_revisions()
            if Path(revision.path).parent == branches()[branch]
        ]

        assert all(branch in revision.branch_labels for revision in revisions)
        assert sum(revision.is_base for revision in revisions) == 1
        assert sum(revision.is_head for revision in revisions) == 1

    def test_do_not_outlive_their_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "gone" / "migrations" / "__pycache__").mkdir(parents=True)
        (tmp_path / "new" / "migrations").mkdir(parents=True)
        monkeypatch.setattr(migrations, "APP", tmp_path)

        assert branches().keys() == {"new"}

    def test_own_every_table_between_them(self) -> None:
        owned = {table.name for branch in BRANCHES for table in tables_of(branch)}

        assert owned == {
            str(mapper.local_table)
            for mapper in Base.registry.mappers
            if mapper.class_.__module__.startswith("app.")
        }

    @pytest.mark.parametrize("branch", BRANCHES)
    def test_create_the_tables_they_own(self, branch: str) -> None:
        assert all(created_by(branch, table.name) for table in tables_of(branch))


class TestUpgrade:
    @pytest.mark.parametrize("branch", BRANCHES)
    def test_leaves_nothing_to_generate(
        self, server: Server, migrated: str, branch: str
    ) -> None:
        config = alembic_config(branch=branch, database=server.settings_for(migrated))

        # Raises, and says what it would generate.
        command.check(config)

    def test_is_undone_by_a_downgrade(self, empty_database: DatabaseSettings) -> None:
        config = alembic_config(database=empty_database)
        command.upgrade(config, "heads")
        first = _describe(empty_database)

        command.downgrade(config, "base")
        bare = _describe(empty_database)
        command.upgrade(config, "heads")

        assert bare.keys() == {"alembic_version", "alembic_branches"}
        assert _describe(empty_database) == first

    async def test_waits_for_another_that_is_under_way(
        self, empty_database: DatabaseSettings
    ) -> None:
        engine = create_async_engine(empty_database.session_url)
        async with engine.connect() as connection:
            async with session_lock(connection, "migrations"):
                replica = await _migrate(empty_database)
                await _wait_for_a_waiter(connection)

            assert await replica.wait() == 0
        await engine.dispose()

    def test_can_be_written_as_sql(self, empty_database: DatabaseSettings) -> None:
        config = alembic_config(database=empty_database)
        config.output_buffer = StringIO()

        command.upgrade(config, "heads", sql=True)

        assert "CREATE TABLE idempotency_keys" in config.output_buffer.getvalue()


async def _migrate(settings: DatabaseSettings) -> asyncio.subprocess.Process:
    url = {"DATABASE__URL": settings.url.get_secret_value()}
    command = (sys.executable, "-m", "app.cli", "migrate")
    return await asyncio.create_subprocess_exec(
        *command, cwd=APP.parent, env=os.environ | url
    )


async def _wait_for_a_waiter(connection: AsyncConnection) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(20):
        while True:
            if await connection.scalar(waiting):
                return
            await asyncio.sleep(0.02)


def _describe(settings: DatabaseSettings) -> dict[str, Any]:
    """Columns, indexes and constraints of every table."""
    return asyncio.run(_reflect(settings))


async def _reflect(settings: DatabaseSettings) -> dict[str, Any]:
    engine = create_async_engine(settings.url.get_secret_value())
    async with engine.connect() as connection:
        described = await connection.run_sync(_inspect)
    await engine.dispose()
    return described


def _inspect(connection: Connection) -> dict[str, Any]:
    inspector = inspect(connection)
    return {
        table: repr(
            (
                inspector.get_columns(table),
                inspector.get_indexes(table),
                inspector.get_pk_constraint(table),
                inspector.get_foreign_keys(table),
            )
        )
        for table in inspector.get_table_names()
    }
