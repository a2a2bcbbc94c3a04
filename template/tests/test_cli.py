import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from typer.testing import CliRunner

from app.cli import cli
from app.platform.database import DatabaseSettings
from app.platform.database.migrations import APP


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, database_settings: DatabaseSettings
) -> CliRunner:
    monkeypatch.setenv("DATABASE__URL", database_settings.url.get_secret_value())
    return CliRunner()


class TestMigrate:
    def test_says_plainly_that_it_does_not_know_a_revision(
        self, run: CliRunner, database_settings: DatabaseSettings
    ) -> None:
        unknown = "INSERT INTO alembic_version VALUES ('gone_0001')"
        asyncio.run(_execute(database_settings, unknown))

        refused = run.invoke(cli, ["migrate"])

        assert refused.exit_code == 1
        assert "gone_0001" in refused.output
        assert "docs/runbooks/migrations.md" in refused.output

    def test_brings_the_database_to_every_head(self, run: CliRunner) -> None:
        assert run.invoke(cli, ["migrate"]).exit_code == 0


class TestMigration:
    def test_refuses_a_module_that_does_not_exist(self, run: CliRunner) -> None:
        refused = run.invoke(cli, ["migration", "nonsense", "add nothing"])

        assert refused.exit_code == 2
        assert "there is no module nonsense" in refused.output

    def test_writes_nothing_when_nothing_has_changed(self, run: CliRunner) -> None:
        before = sorted(APP.rglob("migrations/*.py"))

        done = run.invoke(cli, ["migration", "platform", "add nothing"])

        assert done.exit_code == 0
        assert "no migration is needed" in done.output
        assert sorted(APP.rglob("migrations/*.py")) == before


async def _execute(settings: DatabaseSettings, statement: str) -> None:
    engine = create_async_engine(settings.session_url)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
