"""What an operator can do with messages in quarantine."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import typer

from app.platform.database import Database, DatabaseSettings, UnitOfWork
from app.platform.errors import NotFound
from app.platform.events import Event
from app.platform.outbox.quarantine import Quarantine

LIMIT = 100

commands = typer.Typer(
    name="quarantine",
    help="Messages whose task failed too often.",
    no_args_is_help=True,
)


@commands.command("list")
def list_messages(context: typer.Context) -> None:
    """Show the oldest messages: id, task, attempts, and what went wrong."""
    asyncio.run(_list(context.obj()))


@commands.command()
def release(context: typer.Context, message_id: UUID) -> None:
    """Let a message try again, from its first attempt."""
    asyncio.run(_release(context.obj(), message_id))


@commands.command()
def discard(context: typer.Context, message_id: UUID) -> None:
    """Forget a message for good."""
    asyncio.run(_discard(context.obj(), message_id))


async def _list(settings: DatabaseSettings) -> None:
    async with _quarantine(settings) as quarantine:
        for message in await quarantine.list_of(limit=LIMIT):
            fields = (message.id, message.task, message.attempts, message.error)
            typer.echo("\t".join(map(str, fields)))


async def _release(settings: DatabaseSettings, message_id: UUID) -> None:
    async with _quarantine(settings) as quarantine:
        await quarantine.release(message_id)
    typer.echo(f"{message_id} will be tried again.")


async def _discard(settings: DatabaseSettings, message_id: UUID) -> None:
    async with _quarantine(settings) as quarantine:
        await quarantine.discard(message_id)
    typer.echo(f"{message_id} is gone.")


@asynccontextmanager
async def _quarantine(settings: DatabaseSettings) -> AsyncIterator[Quarantine]:
    async with Database.open(settings, stage=_stage) as database:
        try:
            async with database.unit_of_work() as unit:
                yield Quarantine(unit.session)
        except NotFound as error:
            raise typer.BadParameter(error.detail) from error


async def _stage(_: UnitOfWork, __: Sequence[Event]) -> None:
    """Nothing here announces anything."""
