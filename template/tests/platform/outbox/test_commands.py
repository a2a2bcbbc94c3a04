import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from app.platform.database import DatabaseSettings
from app.platform.outbox import commands as module
from app.platform.outbox.commands import commands
from app.platform.outbox.models import OutboxMessage, QuarantinedMessage
from tests.platform.outbox.station import Station

type Run = Callable[..., Awaitable[str]]


@pytest.fixture
def run(database_settings: DatabaseSettings) -> Run:
    """Run a command as an operator does: it has an event loop of its own."""

    async def run(*arguments: object) -> str:
        words = [str(argument) for argument in arguments]
        result = await asyncio.to_thread(
            CliRunner().invoke, commands, words, obj=lambda: database_settings
        )
        return result.output

    return run


class TestQuarantineCommands:
    async def test_refuse_a_message_that_is_not_there(self, run: Run) -> None:
        assert "There is no message" in await run("release", uuid7())
        assert "There is no message" in await run("discard", uuid7())

    async def test_list_and_release_a_message(self, station: Station, run: Run) -> None:
        message_id = await station.confine()

        listed = await run("list")
        released = await run("release", message_id)

        assert listed.split("\t")[:3] == [str(message_id), "post.deliver", "1"]
        assert released == "1 message will be tried again.\n"
        assert await station.count(OutboxMessage) == 1

    async def test_discard_a_message(self, station: Station, run: Run) -> None:
        message_id = await station.confine()

        await run("discard", message_id)

        assert await station.count(QuarantinedMessage) == 0

    @pytest.mark.parametrize(
        "words",
        [
            ("--all",),
            ("--task", "post.deliver"),
            ("--reason", "the DOG"),
            ("--older-than", "0s"),
        ],
    )
    async def test_take_all_that_match(
        self,
        station: Station,
        run: Run,
        words: Sequence[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "BATCH", 2)
        for _ in range(5):
            await station.confine()

        listed = await run("list", *words[: 0 if "--all" in words else None])
        released = await run("release", *words, "--yes")

        assert len(listed.splitlines()) == 5
        assert released == "5 messages will be tried again.\n"
        assert await station.count(OutboxMessage) == 5

    @pytest.mark.parametrize(
        "words",
        [
            ("--task", "post.sing"),
            ("--reason", "100%"),
            ("--older-than", "7d"),
        ],
    )
    async def test_say_when_nothing_matches(
        self, station: Station, run: Run, words: Sequence[str]
    ) -> None:
        await station.confine()

        for command in ("list", "release", "discard"):
            assert await run(command, *words) == f"{module.NOTHING}\n"

        assert await station.count(QuarantinedMessage) == 1

    async def test_ask_before_they_touch_many(self, station: Station, run: Run) -> None:
        await station.confine()

        asked = await run("discard", "--all")

        assert asked.startswith("Discard 1 message? [y/N]:")
        assert await station.count(QuarantinedMessage) == 1

    async def test_touch_nothing_unless_told_what(
        self, station: Station, run: Run
    ) -> None:
        await station.confine()

        assert "Name a message" in await run("discard", "--yes")
        assert "Name a message" in await run("discard", "--all", "--task", "post.sing")
        assert "Write an age" in await run("discard", "--older-than", "soon")
        assert await station.count(QuarantinedMessage) == 1
