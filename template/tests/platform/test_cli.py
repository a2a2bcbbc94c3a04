import asyncio
import os
import shutil
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from typer.testing import CliRunner

from app.cli import cli
from app.platform.database import DatabaseSettings
from app.platform.database.migrations import APP
from tests.platform import warm


class TestMigrate:
    def test_says_plainly_that_a_revision_is_nobodys(
        self, run: CliRunner, database_settings: DatabaseSettings
    ) -> None:
        unknown = "INSERT INTO alembic_version VALUES ('gone_0001')"
        asyncio.run(_execute(database_settings, unknown))

        refused = run.invoke(cli, ["migrate"])

        assert refused.exit_code == 1
        assert "gone_0001" in refused.output
        assert "docs/runbooks/migrations.md" in refused.output

    def test_brings_the_database_to_every_head(self, run: CliRunner) -> None:
        done = run.invoke(cli, ["migrate"])

        assert done.exit_code == 0
        assert done.output.endswith("there was nothing to apply.\n")

    def test_says_what_it_applied(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        add_revision(service, "op.execute('SELECT 1')")

        done = operate(service, database_settings, "migrate")

        assert done.stdout == "Applied to platform: Count to one.\n"

    def test_says_in_one_line_which_one_failed_and_why(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        add_revision(service, "op.execute('SELECT nonsense')")

        done = operate(service, database_settings, "migrate", code=1)

        assert done.stderr == (
            'platform_9999.py failed: column "nonsense" does not exist.'
            " See docs/runbooks/migrations.md.\n"
        )

    def test_says_in_one_line_that_there_is_no_database(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nowhere = "postgresql+asyncpg://postgres@127.0.0.1:1/postgres"
        monkeypatch.setenv("DATABASE__URL", nowhere)

        refused = CliRunner().invoke(cli, ["migrate"])

        assert refused.exit_code == 1
        assert refused.output.count("\n") == 1
        assert "127.0.0.1" in refused.output


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

    @pytest.mark.timeout(300)
    def test_never_writes_over_another(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        """On one day, in words that begin alike: in a copy of the service."""
        service = copy_service(tmp_path)
        models = service / "app/platform/idempotency/models.py"
        for table in ("first", "second"):
            models.write_text(models.read_text() + MODEL.format(table=table))
            message = f"add what the whole platform needs from now on: {table}"
            operate(service, database_settings, "migration", "platform", message)
            operate(service, database_settings, "migrate")

        written = service.glob("app/platform/migrations/*add_what_the_whole*.py")
        assert len(list(written)) == 2

    @pytest.mark.timeout(300)
    def test_knows_a_table_that_no_class_maps(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        models = service / "app/platform/idempotency/models.py"
        models.write_text(models.read_text() + TABLE)

        operate(service, database_settings, "migration", "platform", "link words")

        [written] = service.glob("app/platform/migrations/*link_words.py")
        assert '"key_words"' in written.read_text()
        assert 'sa.Column("hints", Json(), nullable=True)' in written.read_text()
        assert "dialects" not in written.read_text()
        assert "info=" not in written.read_text()
        operate(service, database_settings, "migrate")
        again = operate(
            service, database_settings, "migration", "platform", "again"
        ).stdout
        assert "no migration is needed" in again

    def test_is_empty_when_asked_to(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        words = ("migration", "--empty", "platform", "fill the new column")

        operate(service, database_settings, *words)

        [written] = service.glob("app/platform/migrations/*fill_the_new_column.py")
        assert written.read_text().count("    pass\n") == 2
        applied = operate(service, database_settings, "migrate").stdout
        assert applied == "Applied to platform: fill the new column.\n"


MODEL = """

class Table_{table}(Base):
    __tablename__ = "{table}"

    id: Mapped[int] = mapped_column(primary_key=True)
"""

TABLE = """

from sqlalchemy import Column, ForeignKey, Table

key_words = Table(
    "key_words",
    Base.metadata,
    Column("key_hash", ForeignKey(IdempotencyKey.key_hash), primary_key=True),
    Column("word", Text, primary_key=True),
    Column("hints", Json),
)
"""


def copy_service(directory: Path) -> Path:
    passed_over = shutil.ignore_patterns("__pycache__")
    for name in ("app", "migrations"):
        shutil.copytree(APP.parent / name, directory / name, ignore=passed_over)
    # It says how the command alembic runs, and how a revision is formatted.
    shutil.copy(APP.parent / "pyproject.toml", directory)
    return directory


def add_revision(service: Path, statement: str, below_it: str = "") -> None:
    folder = service / "app/platform/migrations"
    head = ScriptDirectory(str(folder), version_locations=[str(folder)])
    below = head.get_current_head()
    (folder / "platform_9999.py").write_text(
        f'"""Count to one."""\n\nfrom alembic import op\n\nrevision = "platform_9999"\n'
        f'down_revision = "{below}"\n\n\ndef upgrade():\n    {statement}\n{below_it}'
    )


def operate(
    service: Path,
    settings: DatabaseSettings,
    *words: str,
    code: int = 0,
    typed: str = "",
    program: str = "app.cli",
) -> CompletedProcess[str]:
    url = {"DATABASE__URL": settings.url.get_secret_value()}
    with TemporaryDirectory() as place:
        done = warm.run(
            (program, *words),
            folder=service,
            environment=os.environ | url,
            typed=typed,
            place=Path(place),
        )
    assert done.returncode == code, done.stdout + done.stderr
    return done


async def _execute(settings: DatabaseSettings, statement: str) -> None:
    engine = create_async_engine(settings.session_url.get_secret_value())
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
