import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from typer.testing import CliRunner

from app.cli import cli
from app.platform.database import DatabaseSettings
from app.platform.database.migrations import APP
from app.settings import Settings


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, database_settings: DatabaseSettings
) -> CliRunner:
    monkeypatch.setenv("DATABASE__URL", database_settings.url.get_secret_value())
    return CliRunner()


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
        service = _copy(tmp_path)
        _add_revision(service, "op.execute('SELECT 1')")

        done = _run(service, database_settings, "migrate")

        assert done.stdout == "Applied to platform: Count to one.\n"

    def test_says_in_one_line_which_one_failed_and_why(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        _add_revision(service, "op.execute('SELECT nonsense')")

        done = _run(service, database_settings, "migrate", code=1)

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
        service = _copy(tmp_path)
        models = service / "app/platform/idempotency/models.py"
        for table in ("first", "second"):
            models.write_text(models.read_text() + MODEL.format(table=table))
            message = f"add what the whole platform needs from now on: {table}"
            _run(service, database_settings, "migration", "platform", message)
            _run(service, database_settings, "migrate")

        written = service.glob("app/platform/migrations/*add_what_the_whole*.py")
        assert len(list(written)) == 2

    @pytest.mark.timeout(300)
    def test_knows_a_table_that_no_class_maps(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        models = service / "app/platform/idempotency/models.py"
        models.write_text(models.read_text() + TABLE)

        _run(service, database_settings, "migration", "platform", "link words")

        [written] = service.glob("app/platform/migrations/*link_words.py")
        assert '"key_words"' in written.read_text()
        assert 'sa.Column("hints", Json(), nullable=True)' in written.read_text()
        assert "dialects" not in written.read_text()
        assert "info=" not in written.read_text()
        _run(service, database_settings, "migrate")
        again = _run(
            service, database_settings, "migration", "platform", "again"
        ).stdout
        assert "no migration is needed" in again

    @pytest.mark.timeout(300)
    def test_announces_what_autogenerate_cannot_see(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        models = service / "app/platform/idempotency/models.py"
        changed = models.read_text().replace("    scope: Mapped", "    range: Mapped")
        models.write_text(changed + CHECK)

        said = _run(
            service, database_settings, "migration", "platform", "bound it"
        ).stdout

        assert "ck_idempotency_keys_plausible" in said
        assert "idempotency_keys.scope to range" in said

    def test_is_empty_when_asked_to(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        words = ("migration", "--empty", "platform", "fill the new column")

        _run(service, database_settings, *words)

        [written] = service.glob("app/platform/migrations/*fill_the_new_column.py")
        assert written.read_text().count("    pass\n") == 2
        applied = _run(service, database_settings, "migrate").stdout
        assert applied == "Applied to platform: fill the new column.\n"


class TestDowngrade:
    def test_takes_one_step_of_one_branch_back(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        _add_revision(service, "op.execute('SELECT 1')", DOWNGRADE)
        _run(service, database_settings, "migrate")

        done = _run(service, database_settings, "downgrade", "platform")

        assert done.stdout == "Took back from platform: Count to one.\n"
        again = _run(service, database_settings, "migrate")
        assert again.stdout == "Applied to platform: Count to one.\n"

    def test_says_that_a_revision_cannot_go_back(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        _add_revision(service, "op.execute('SELECT 1')")
        _run(service, database_settings, "migrate")

        refused = _run(service, database_settings, "downgrade", "platform", code=1)

        assert refused.stderr.startswith("platform_9999 has no function downgrade.")

    def test_says_that_there_is_nothing_to_take_back(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        _run(service, database_settings, "downgrade", "platform")

        refused = _run(service, database_settings, "downgrade", "platform", code=1)

        assert refused.stderr.startswith("platform has no migration to take back.")
        assert refused.stderr.count("\n") == 1

    def test_leaves_what_another_branch_builds_on(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        _add_branch(service, "notes", depends_on="platform_0001")
        _run(service, database_settings, "migrate")

        refused = _run(service, database_settings, "downgrade", "platform", code=1)

        assert "notes builds on platform: take it back first" in refused.stderr

    def test_refuses_a_module_that_does_not_exist(self, run: CliRunner) -> None:
        refused = run.invoke(cli, ["downgrade", "nonsense"])

        assert refused.exit_code == 2
        assert "there is no module nonsense" in refused.output

    def test_is_not_for_production(self, run: CliRunner) -> None:
        secure = "postgresql+asyncpg://app:k3J9-vQ2x@db.example/app?ssl=verify-full"
        variables = {"DATABASE__URL": secure, "ENVIRONMENT": "production"}

        refused = run.invoke(cli, ["downgrade", "platform"], env=variables)

        assert refused.exit_code == 1
        assert refused.output == "This is not for production: nothing was done.\n"


class TestSeed:
    def test_asks_each_module_that_has_rows_to_begin_with(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = _copy(tmp_path)
        module = service.joinpath("app", "modules", "notes")
        module.mkdir(parents=True)
        (module / "seed.py").write_text(SEED)

        done = _run(service, database_settings, "seed")

        assert "hello from Platform\nSeeded notes\n" in done.stdout

    def test_is_not_for_production(
        self, run: CliRunner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        production = Settings().model_copy(update={"environment": "production"})
        monkeypatch.setattr(Settings, "load", lambda: production)

        refused = run.invoke(cli, ["seed"])

        assert refused.exit_code == 1
        assert refused.output == "This is not for production: nothing was done.\n"


class TestShell:
    def test_awaits_what_is_typed_and_outlives_mistakes(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        typed = (
            "async with platform.database.unit_of_work() as unit:\n"
            "    print('found', (await unit.session.connection()).closed)\n\n"
            "await platform.nonsense()\n"
            "settings.environment\n"
            "exit()\n"
        )

        done = _run(_copy(tmp_path), database_settings, "shell", typed=typed)

        assert f"This is {Settings().service_name} in development." in done.stdout
        assert "found False" in done.stdout
        assert "'development'" in done.stdout
        assert "has no attribute 'nonsense'" in done.stderr
        assert "cli.py" not in done.stderr

    def test_says_in_red_that_this_is_production(
        self, run: CliRunner, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        production = Settings().model_copy(update={"environment": "production"})
        monkeypatch.setattr(Settings, "load", lambda: production)

        done = run.invoke(cli, ["shell"], input="", color=True)

        assert done.exit_code == 0, done.output
        red = f"\x1b[31m\x1b[1mThis is {production.service_name} in production."
        assert red in done.output


DOWNGRADE = "\n\ndef downgrade():\n    pass\n"

SEED = """
async def seed(platform):
    print("hello from", type(platform).__name__)
"""

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

CHECK = """

from sqlalchemy import CheckConstraint

IdempotencyKey.__table__.append_constraint(
    CheckConstraint("status > 99", name="plausible")
)
"""


def _copy(directory: Path) -> Path:
    passed_over = shutil.ignore_patterns("__pycache__")
    for name in ("app", "migrations"):
        shutil.copytree(APP.parent / name, directory / name, ignore=passed_over)
    return directory


def _add_revision(service: Path, statement: str, below_it: str = "") -> None:
    folder = service / "app/platform/migrations"
    head = ScriptDirectory(str(folder), version_locations=[str(folder)])
    below = head.get_current_head()
    (folder / "platform_9999.py").write_text(
        f'"""Count to one."""\n\nfrom alembic import op\n\nrevision = "platform_9999"\n'
        f'down_revision = "{below}"\n\n\ndef upgrade():\n    {statement}\n{below_it}'
    )


def _add_branch(service: Path, name: str, *, depends_on: str) -> None:
    folder = service / "app/modules" / name / "migrations"
    folder.mkdir(parents=True)
    (folder / f"{name}_0001.py").write_text(
        f'"""Nothing."""\n\nrevision = "{name}_0001"\ndown_revision = None\n'
        f'branch_labels = ("{name}",)\ndepends_on = ("{depends_on}",)\n\n\n'
        "def upgrade():\n    pass\n"
    )


def _run(
    service: Path,
    settings: DatabaseSettings,
    *words: str,
    code: int = 0,
    typed: str = "",
) -> subprocess.CompletedProcess[str]:
    url = {"DATABASE__URL": settings.url.get_secret_value()}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *words],
        cwd=service,
        env=os.environ | url,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


async def _execute(settings: DatabaseSettings, statement: str) -> None:
    engine = create_async_engine(settings.session_url)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
