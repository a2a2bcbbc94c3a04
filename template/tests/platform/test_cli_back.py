"""What takes back, seeds and tries: none of it writes a revision."""

import os
import pty
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.platform.database import DatabaseSettings
from app.settings import Settings
from tests.platform.test_cli import add_revision, copy_service, operate


class TestDowngrade:
    def test_takes_one_step_of_one_branch_back(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        add_revision(service, "op.execute('SELECT 1')", DOWNGRADE)
        operate(service, database_settings, "migrate")

        done = operate(service, database_settings, "downgrade", "platform")

        assert done.stdout == "Took back from platform: Count to one.\n"
        again = operate(service, database_settings, "migrate")
        assert again.stdout == "Applied to platform: Count to one.\n"

    def test_says_that_a_revision_cannot_go_back(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        add_revision(service, "op.execute('SELECT 1')")
        operate(service, database_settings, "migrate")

        refused = operate(service, database_settings, "downgrade", "platform", code=1)

        assert refused.stderr.startswith("platform_9999 has no function downgrade.")

    def test_says_that_there_is_nothing_to_take_back(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        operate(service, database_settings, "downgrade", "platform")

        refused = operate(service, database_settings, "downgrade", "platform", code=1)

        assert refused.stderr.startswith("platform has no migration to take back.")
        assert refused.stderr.count("\n") == 1

    def test_leaves_what_another_branch_builds_on(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        _add_branch(service, "notes", depends_on="platform_0001")
        operate(service, database_settings, "migrate")

        refused = operate(service, database_settings, "downgrade", "platform", code=1)

        assert "notes builds on platform: take it back first" in refused.stderr

    def test_refuses_a_module_that_does_not_exist(self, run: CliRunner) -> None:
        refused = run.invoke(cli, ["downgrade", "nonsense"])

        assert refused.exit_code == 2
        assert "there is no module nonsense" in refused.output

    def test_is_not_for_production(self, run: CliRunner) -> None:
        secure = (
            "postgresql+asyncpg://app:k3J9-vQ2x-7Lm4@db.example/app?ssl=verify-full"
        )
        variables = {
            "DATABASE__URL": secure,
            "ENVIRONMENT": "production",
            "WEB__HOSTS": "*",
        }

        refused = run.invoke(cli, ["downgrade", "platform"], env=variables)

        assert refused.exit_code == 1
        assert refused.output == "This is not for production: nothing was done.\n"


class TestSeed:
    def test_asks_each_module_that_has_rows_to_begin_with(
        self, tmp_path: Path, database_settings: DatabaseSettings
    ) -> None:
        service = copy_service(tmp_path)
        module = service.joinpath("app", "modules", "notes")
        module.mkdir(parents=True)
        (module / "seed.py").write_text(SEED)

        done = operate(service, database_settings, "seed")

        assert "hello from Platform\nSeeded notes\n" in done.stdout

    @pytest.mark.parametrize(
        ("mistake", "said"),
        [
            ("Conflict('There is an a already.')", "There is an a already"),
            ("OSError('no such file')", "no such file"),
        ],
    )
    def test_says_in_one_line_what_failed(
        self,
        tmp_path: Path,
        database_settings: DatabaseSettings,
        mistake: str,
        said: str,
    ) -> None:
        service = copy_service(tmp_path)
        module = service.joinpath("app", "modules", "notes")
        module.mkdir(parents=True)
        (module / "seed.py").write_text(MISTAKEN.format(mistake=mistake))

        failed = operate(service, database_settings, "seed", code=1)

        assert failed.stderr.endswith(f"Seeding notes failed: {said}.\n")
        assert "Traceback" not in failed.stderr

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

        done = operate(copy_service(tmp_path), database_settings, "shell", typed=typed)

        assert f"This is {Settings().service_name} in development." in done.stdout
        assert "found False" in done.stdout
        assert "'development'" in done.stdout
        assert "has no attribute 'nonsense'" in done.stderr
        assert "cli.py" not in done.stderr

    def test_survives_ctrl_c_at_a_terminal_and_takes_back_what_it_ended(
        self, database_settings: DatabaseSettings
    ) -> None:
        with _typing(database_settings, "shell") as terminal:
            terminal.type("import asyncio; from sqlalchemy import text")
            terminal.type("make = text('CREATE TABLE t ()')")
            terminal.type("async with platform.database.unit_of_work() as unit:")
            terminal.type("    await unit.session.execute(make)", after="... ")
            terminal.type("    print('asleep'); await asyncio.sleep(99)", after="... ")
            terminal.type("", after="... ")
            terminal.press(CTRL_C, after="asleep\r\n")
            terminal.type("look = text(\"SELECT to_regclass('t')::text\")")
            terminal.type("async with platform.database.read_session() as session:")
            terminal.type("    found = await session.scalar(look)", after="... ")
            terminal.type("", after="... ")
            terminal.type("print('found', found)")
            terminal.press(CTRL_D)

        assert terminal.code == 0
        assert terminal.said.count("KeyboardInterrupt") == 1
        assert "Traceback" not in terminal.said
        assert "\r\nfound None\r\n" in terminal.said

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


MISTAKEN = """
from app.platform.errors import Conflict


async def seed(platform):
    raise {mistake}
"""

CTRL_C, CTRL_D = b"\x03", b"\x04"


class _Terminal:
    """What a process shows at a terminal, and what is typed there."""

    def __init__(self, line: int) -> None:
        self._line = line
        self.said = ""
        self.code: int | None = None

    def type(self, line: str, *, after: str = ">>> ") -> None:
        self.press(f"{line}\n".encode(), after=after)

    def press(self, keys: bytes, *, after: str = ">>> ") -> None:
        """Wait for what is shown, then press the keys."""
        said = ""
        while not said.endswith(after):
            said += self.read()
        os.write(self._line, keys)

    def read(self) -> str:
        try:
            shown = os.read(self._line, 1).decode()
        except OSError:
            # Nobody is at its other end any more.
            shown = ""
        assert shown or self.code is None, self.said
        self.said += shown
        return shown


@contextmanager
def _typing(settings: DatabaseSettings, *words: str) -> Iterator[_Terminal]:
    """Run a command at a terminal of its own, and wait for its end."""
    process, line = pty.fork()
    if process == 0:
        url = {"DATABASE__URL": settings.url.get_secret_value(), "TERM": "dumb"}
        command = [sys.executable, "-m", "app.cli", *words]
        os.execve(command[0], command, os.environ | url)
    terminal = _Terminal(line)
    try:
        yield terminal
        while terminal.read():
            pass
    finally:
        # With its terminal gone, whoever is still there ends.
        os.close(line)
        terminal.code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _add_branch(service: Path, name: str, *, depends_on: str) -> None:
    folder = service / "app/modules" / name / "migrations"
    folder.mkdir(parents=True)
    (folder / f"{name}_0001.py").write_text(
        f'"""Nothing."""\n\nrevision = "{name}_0001"\ndown_revision = None\n'
        f'branch_labels = ("{name}",)\ndepends_on = ("{depends_on}",)\n\n\n'
        "def upgrade():\n    pass\n"
    )
