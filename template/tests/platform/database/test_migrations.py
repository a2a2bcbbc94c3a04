import asyncio
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from app.platform.database import Base, Database, DatabaseSettings, migrations
from app.platform.database.branches import SchemaCheck
from app.platform.database.migrations import (
    APP,
    alembic_config,
    branches,
    created_by,
    missing_dependencies,
    require_one_head,
)
from app.platform.database.postgresql import session_lock
from tests.fixtures.database import Stage
from tests.platform.database.code import Code

BRANCHES = list(branches())
PROJECT = APP.parent / "pyproject.toml"


class TestBranches:
    def test_do_not_outlive_their_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "gone" / "migrations" / "__pycache__").mkdir(parents=True)
        (tmp_path / "new" / "migrations").mkdir(parents=True)
        monkeypatch.setattr(migrations, "APP", tmp_path)

        assert branches().keys() == {"new"}


class TestCreatedBy:
    def test_asks_the_operations_and_not_the_text(
        self, code: Code, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code.write("loans", 1)
        revision = code.directory / "loans" / "1.py"
        body = 'op.execute("CREATE TABLE loans_1 (id int)")'
        operations = """name = "fi" + "nes"
    op.create_table(name)
    op.rename_table("early", "loans")
    op.execute("SELECT 'nothing' AS \\"mentioned\\"")
    op.get_bind().scalar(None)"""
        assert body in revision.read_text()
        revision.write_text(revision.read_text().replace(body, operations))
        monkeypatch.setattr(migrations, "alembic_config", code.config)

        assert created_by("loans", "fines")
        assert created_by("loans", "loans")
        assert not created_by("loans", "mentioned")


class TestMissingDependencies:
    @pytest.mark.parametrize("branch", BRANCHES)
    def test_are_named_once(self, branch: str) -> None:
        assert missing_dependencies(branch) is None

    def test_know_the_only_one_of_a_revision(
        self, code: Code, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Alembic keeps a single dependency as a string and not as a list of one."""
        code.write("loans", 1, depends="platform_0001")
        monkeypatch.setattr(migrations, "alembic_config", code.config)
        needed = {Base.metadata.tables["idempotency_keys"]}
        monkeypatch.setattr(migrations, "_foreign_tables", lambda _: needed)

        assert missing_dependencies("loans") is None
        code.write("fines", 1)
        assert missing_dependencies("fines") == ["platform_0001"]


class TestRevisions:
    def test_say_which_one_is_missing(self, code: Code) -> None:
        code.write("loans", 1)
        code.write("loans", 2)
        code.write("loans", 3)
        (code.directory / "loans" / "2.py").unlink()

        with pytest.raises(CommandError, match=r"loans_2 referenced from .*loans_3"):
            code.migrate()

    def test_say_which_one_is_there_twice(self, code: Code) -> None:
        code.write("loans", 1)
        copy = code.directory / "loans" / "copy.py"
        copy.write_text((code.directory / "loans" / "1.py").read_text())

        with pytest.raises(CommandError, match="loans_1 is present more than once"):
            code.migrate()

    def test_say_that_two_follow_the_same(
        self, code: Code, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        code.write("loans", 1)
        code.write("loans", 2)
        other = code.directory / "loans" / "other.py"
        theirs = (code.directory / "loans" / "2.py").read_text()
        other.write_text(theirs.replace('"loans_2"', '"loans_other"'))
        monkeypatch.setattr(migrations, "alembic_config", code.config)

        with pytest.raises(CommandError, match="2 heads, loans_2 and loans_other"):
            require_one_head("loans")


class TestTheCommandAlembic:
    """As it is typed in the service's folder, with the service's environment."""

    @pytest.mark.timeout(300)
    def test_goes_up_and_down(self, empty_database: DatabaseSettings) -> None:
        assert "platform_0001 (platform) (head)" in _alembic(empty_database, "heads")
        assert "-> platform_0001" in _alembic(empty_database, "history")

        _alembic(empty_database, "upgrade", "heads")
        asyncio.run(_check(empty_database))
        assert "platform_0001 (head)" in _alembic(empty_database, "current")
        _alembic(empty_database, "check")

        _alembic(empty_database, "downgrade", "platform@-1")
        assert "platform_0001" not in _alembic(empty_database, "current")
        _alembic(empty_database, "stamp", "platform@head")
        asyncio.run(_check(empty_database))


class TestUpgrade:
    async def test_waits_for_another_that_is_under_way(
        self, empty_database: DatabaseSettings
    ) -> None:
        engine = create_async_engine(empty_database.session_url.get_secret_value())
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


def _alembic(settings: DatabaseSettings, *words: str) -> str:
    url = {"DATABASE__URL": settings.url.get_secret_value()}
    command = [str(Path(sys.executable).with_name("alembic")), *words]
    done = subprocess.run(
        command,
        cwd=APP.parent,
        env=os.environ | url,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def _check(settings: DatabaseSettings) -> None:
    async with Database.open(settings, stage=Stage()) as database:
        await SchemaCheck(database)()


async def _migrate(settings: DatabaseSettings) -> asyncio.subprocess.Process:
    url = {"DATABASE__URL": settings.url.get_secret_value()}
    command = (sys.executable, "-m", "app.cli", "migrate")
    return await asyncio.create_subprocess_exec(
        *command, cwd=APP.parent, env=os.environ | url
    )


async def _wait_for_a_waiter(connection: AsyncConnection) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(50):
        while True:
            if await connection.scalar(waiting):
                return
            await asyncio.sleep(0.02)
