import asyncio
from collections.abc import Awaitable, Callable

import pytest
from typer.testing import CliRunner
from uuid_utils.compat import uuid7

from app.platform.database import DatabaseSettings
from app.platform.outbox.commands import commands
from app.platform.outbox.models import OutboxMessage, QuarantinedMessage
from tests.platform.outbox.station import Posted, Station

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
        message_id = await station.post(Posted(fails=9))
        for _ in range(3):
            await station.worker().handle(message_id)

        listed = await run("list")
        released = await run("release", message_id)

        assert listed.split("\t")[:3] == [str(message_id), "post.deliver", "3"]
        assert "will be tried again" in released
        assert await station.count(OutboxMessage) == 1

    async def test_discard_a_message(self, station: Station, run: Run) -> None:
        message_id = await station.post(Posted(fails=9))
        for _ in range(3):
            await station.worker().handle(message_id)

        await run("discard", message_id)

        assert await station.count(QuarantinedMessage) == 0
