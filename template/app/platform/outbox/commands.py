"""What an operator can do with messages in quarantine."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from app.platform.database import Database, DatabaseSettings, UnitOfWork
from app.platform.events import Event
from app.platform.outbox.quarantine import Quarantine, Selection

LIMIT = 100
BATCH = 500
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
NOTHING = "Nothing in quarantine matches."
VAGUE = "Name a message by its id, or several by --task, --reason, --older-than, --all."


def _age(words: str) -> timedelta:
    match = re.fullmatch(r"(\d+)([smhd])", words)
    if match is None:
        raise typer.BadParameter("Write an age as 30m, 12h or 7d.")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


Id = Annotated[UUID | None, typer.Argument(help="One message.")]
TaskName = Annotated[str | None, typer.Option("--task", help="Of this task.")]
Reason = Annotated[
    str | None, typer.Option("--reason", help="Whose error contains this.")
]
OlderThan = Annotated[
    timedelta | None,
    typer.Option(
        "--older-than", parser=_age, metavar="AGE", help="In quarantine so long: 12h."
    ),
]
All = Annotated[bool, typer.Option("--all", help="Whatever is in quarantine.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

commands = typer.Typer(
    name="quarantine",
    help="Messages whose task failed for too long.",
    no_args_is_help=True,
)


@commands.command("list")
def list_messages(
    context: typer.Context,
    task: TaskName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
) -> None:
    """Show the oldest messages: id, task, attempts, since when, and what went wrong."""
    selection = Selection(task=task, reason=reason, older_than=older_than)
    asyncio.run(_list(context.obj(), selection))


@commands.command()
def release(
    context: typer.Context,
    message_id: Id = None,
    *,
    task: TaskName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    all_: All = False,
    yes: Yes = False,
) -> None:
    """Let messages try again, from their first attempt."""
    selection = Selection(
        id=message_id, task=task, reason=reason, older_than=older_than
    )
    settings = context.obj()
    if agreed := _agree(settings, selection, "Release", everything=all_, yes=yes):
        released = asyncio.run(_end(settings, agreed, again=True))
        typer.echo(f"{_messages(released)} will be tried again.")


@commands.command()
def discard(
    context: typer.Context,
    message_id: Id = None,
    *,
    task: TaskName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    all_: All = False,
    yes: Yes = False,
) -> None:
    """Forget messages for good."""
    selection = Selection(
        id=message_id, task=task, reason=reason, older_than=older_than
    )
    settings = context.obj()
    if agreed := _agree(settings, selection, "Discard", everything=all_, yes=yes):
        discarded = asyncio.run(_end(settings, agreed, again=False))
        typer.echo(f"{_messages(discarded)} forgotten.")


def _agree(
    settings: DatabaseSettings,
    selection: Selection,
    verb: str,
    *,
    everything: bool,
    yes: bool,
) -> Selection | None:
    """Say how many there are, and ask about more than one by name."""
    if (selection == Selection()) is not everything:
        raise typer.BadParameter(VAGUE)
    number, now = asyncio.run(_count(settings, selection))
    if selection.id is not None and not number:
        raise typer.BadParameter(f"There is no message {selection.id} in quarantine.")
    if not number:
        typer.echo(NOTHING)
        return None
    if selection.id is None and not yes:
        typer.confirm(f"{verb} {_messages(number)}?", abort=True)
    # What fails again meanwhile is not released for ever.
    return replace(selection, until=now)


async def _list(settings: DatabaseSettings, selection: Selection) -> None:
    async with _quarantine(settings) as quarantine:
        number, _ = await quarantine.count(selection)
        for m in await quarantine.list_of(limit=LIMIT, selection=selection):
            since = m.quarantined_at.isoformat(timespec="seconds")
            typer.echo("\t".join([str(m.id), m.task, str(m.attempts), since, m.error]))
    if number == 0:
        typer.echo(NOTHING, err=True)
    elif number > LIMIT:
        typer.echo(f"These are the oldest {LIMIT} of {number}.", err=True)


async def _count(
    settings: DatabaseSettings, selection: Selection
) -> tuple[int, datetime]:
    async with _quarantine(settings) as quarantine:
        return await quarantine.count(selection)


async def _end(settings: DatabaseSettings, selection: Selection, *, again: bool) -> int:
    """Batch by batch, so that a large quarantine fits the limits of a transaction."""
    total = 0
    async with Database.open(settings, stage=_stage) as database:
        while True:
            async with database.unit_of_work() as unit:
                quarantine = Quarantine(unit.session)
                end = quarantine.release_some if again else quarantine.discard_some
                number = await end(selection, limit=BATCH)
            total += number
            if not number:
                return total


def _messages(number: int) -> str:
    return "1 message" if number == 1 else f"{number} messages"


@asynccontextmanager
async def _quarantine(settings: DatabaseSettings) -> AsyncIterator[Quarantine]:
    async with (
        Database.open(settings, stage=_stage) as database,
        database.unit_of_work() as unit,
    ):
        yield Quarantine(unit.session)


async def _stage(_: UnitOfWork, __: Sequence[Event]) -> None:
    """Nothing here announces anything."""
