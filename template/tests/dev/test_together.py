"""Commands side by side: one that ends ends all, and Ctrl-C ends all in order."""

import asyncio
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from dev.servers import COMMANDS, STARTS
from dev.service import colourful, reloading, run_together, summary

ENVIRONMENT = {"PATH": os.environ["PATH"]}
POLITE = "sh -c 'trap \"echo bye; exit 0\" TERM; echo up; while :; do sleep 0.01; done'"


class TestRunning:
    async def test_one_that_ends_is_named_and_ends_the_others(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        commands = {"api": "sleep 60", "mails": "sh -c 'echo oh; exit 3'"}

        code = await run_together(commands, ENVIRONMENT)

        assert code == 1
        output = capsys.readouterr().out
        assert "mails | oh\n" in output
        assert "mails ended with exit code 3: all end.\n" in output

    async def test_all_end_in_the_order_given_when_told(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        together = asyncio.create_task(
            run_together({"api": POLITE, "mails": POLITE}, ENVIRONMENT)
        )
        output = ""
        while output.count("up") < 2:
            await asyncio.sleep(0.01)
            output += capsys.readouterr().out

        os.kill(os.getpid(), signal.SIGTERM)
        code = await together

        assert code == 0
        assert capsys.readouterr().out == "api   | bye\nmails | bye\n"

    async def test_a_command_that_cannot_start_ends_the_others(self) -> None:
        with pytest.raises(ExceptionGroup, match="unhandled errors") as refusal:
            await run_together({"api": "sleep 60", "mails": "missing"}, ENVIRONMENT)

        assert refusal.group_contains(FileNotFoundError)


class TestReloading:
    async def test_starts_a_command_anew_when_code_has_changed(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "app").mkdir()
        changed = tmp_path / "app" / "changed.py"
        (tmp_path / "worker.sh").write_text("echo up; exec sleep 60")
        monkeypatch.chdir(tmp_path)
        here = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        worker = asyncio.create_task(
            run_together({"worker": reloading("sh worker.sh")}, here)
        )
        output = ""
        while output.count("up") < 2:
            # The watcher may not be looking yet when the command has begun.
            changed.write_text(f"NOW = {output.count('up')}\n")
            changed.unlink()
            await asyncio.sleep(0.5)
            output += capsys.readouterr().out

        os.kill(os.getpid(), signal.SIGTERM)

        assert await worker == 0

    def test_is_what_every_process_does(self) -> None:
        for command in map(reloading, COMMANDS.values()):
            assert "--reload" in command or command.startswith("watchfiles ")


class TestCtrlC:
    def test_ends_what_a_shell_has_sent_to_the_background(self, tmp_path: Path) -> None:
        """Such a shell has it ignore Ctrl-C, which its servers would outlive."""
        named = dict.fromkeys(STARTS, "is.elsewhere")
        deaf = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)

        with subprocess.Popen(
            [sys.executable, "-m", "dev", "servers"],
            cwd=tmp_path,
            env=os.environ | named | {"PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            preexec_fn=deaf,  # noqa: PLW1509 - one system call
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            finally:
                process.kill()

        assert process.returncode > 0


class TestSummary:
    def test_says_where_everything_is_but_for_passwords(self) -> None:
        variables = dict.fromkeys(STARTS, "postgresql://me:hidden@db/app")
        told = {"UVICORN_PORT": "8123", "MAIL__URL": "smtp://127.0.0.1:2525"}

        lines = summary(variables | told, COMMANDS | {"mail": ""}, Path("mail"))

        assert "API docs:  http://127.0.0.1:8123/docs\n" in lines
        assert "Mail:      smtp://127.0.0.1:2525, kept in mail\n" in lines
        assert "postgresql://me:***@db/app" in lines
        assert "hidden" not in lines
        assert f"Processes: {', '.join(COMMANDS)}, mail\n" in lines
        assert max(map(len, lines.splitlines())) <= 100


class TestColours:
    @pytest.mark.parametrize(
        ("forced", "refused", "expected"),
        [("", "", False), ("1", "", True), ("1", "1", False)],
    )
    def test_are_for_terminals(
        self,
        monkeypatch: pytest.MonkeyPatch,
        forced: str,
        refused: str,
        *,
        expected: bool,
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", forced)
        monkeypatch.setenv("NO_COLOR", refused)

        assert colourful() is expected
