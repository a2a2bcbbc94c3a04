import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from app.platform.database import Base, DatabaseSettings
from app.platform.database.migrations import (
    APP,
    alembic_config,
    branches,
    created_by,
    tables_of,
)
from app.platform.database.model import defined_in
from tests.fixtures.database import Server

BRANCHES = list(branches())
PROJECT = APP.parent / "pyproject.toml"


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

    def test_own_every_table_between_them(self) -> None:
        owned = {table.name for branch in BRANCHES for table in tables_of(branch)}

        assert owned == {
            table.name
            for table in Base.metadata.sorted_tables
            if defined_in(table).startswith("app.")
        }

    @pytest.mark.parametrize("branch", BRANCHES)
    def test_create_the_tables_they_own(self, branch: str) -> None:
        assert all(created_by(branch, table.name) for table in tables_of(branch))


class TestTheCommandAlembic:
    """As it is typed in the service's folder, with the service's environment."""

    def test_knows_every_folder(self) -> None:
        listed = ScriptDirectory.from_config(Config(toml_file=PROJECT))

        found = ScriptDirectory.from_config(alembic_config())
        assert set(listed.get_heads()) == set(found.get_heads()), (
            "List the folder of each branch in pyproject.toml, under [tool.alembic]."
        )
        assert listed.file_template == found.file_template


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
