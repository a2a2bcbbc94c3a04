"""Commands side by side: one that ends ends all, and Ctrl-C ends all in order."""

import asyncio
import os
import signal

import pytest

from dev.together import run_together

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
