"""What an operator can do with messages in quarantine."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from app.platform.database import Database, DatabaseSettings
from app.platform.outbox.quarantine import Quarantine, Selection

LIMIT = 100
BATCH = 500
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
NOTHING = "Nothing in quarantine matches."
VAGUE = "Name a message by its id, or several by --task, --reason, --older-than, --all."
DONE = {"release": "will be tried again", "discard": "forgotten"}


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


@commands.command("release", help="Let messages try again, from their first attempt.")
@commands.command("discard", help="Forget messages for good.")
def end(
    context: typer.Context,
    message_id: Id = None,
    *,
    task: TaskName = None,
    reason: Reason = None,
    older_than: OlderThan = None,
    all_: All = False,
    yes: Yes = False,
) -> None:
    verb, settings = str(context.info_name), context.obj()
    selection = Selection(
        id=message_id, task=task, reason=reason, older_than=older_than
    )
    if (selection == Selection()) is not all_:
        raise typer.BadParameter(VAGUE)
    number, now = asyncio.run(_count(settings, selection))
    if not number and message_id is not None:
        raise typer.BadParameter(f"There is no message {message_id} in quarantine.")
    if not number:
        typer.echo(NOTHING)
        return
    if message_id is None and not yes:
        typer.confirm(f"{verb.capitalize()} {_messages(number)}?", abort=True)
    # What fails again meanwhile is not released for ever.
    ended = asyncio.run(_end(settings, replace(selection, until=now), verb))
    typer.echo(f"{_messages(ended)} {DONE[verb]}.")


async def _list(settings: DatabaseSettings, selection: Selection) -> None:
    async with _opened(settings) as database, database.unit_of_work() as unit:
        quarantine = Quarantine(unit.session)
        number, _ = await quarantine.count(selection)
        for m in await quarantine.list_of(selection, limit=LIMIT):
            since = m.quarantined_at.isoformat(timespec="seconds")
            typer.echo("\t".join([str(m.id), m.name, str(m.attempts), since, m.error]))
    if number == 0:
        typer.echo(NOTHING, err=True)
    elif number > LIMIT:
        typer.echo(f"These are the oldest {LIMIT} of {number}.", err=True)


async def _count(
    settings: DatabaseSettings, selection: Selection
) -> tuple[int, datetime]:
    async with _opened(settings) as database, database.unit_of_work() as unit:
        return await Quarantine(unit.session).count(selection)


async def _end(settings: DatabaseSettings, selection: Selection, verb: str) -> int:
    """Batch by batch, so that a large quarantine fits the limits of a transaction."""
    total = 0
    async with _opened(settings) as database:
        while True:
            async with database.unit_of_work() as unit:
                quarantine = Quarantine(unit.session)
                release = verb == "release"
                some = quarantine.release if release else quarantine.discard
                number = await some(selection, limit=BATCH)
            total += number
            if not number:
                return total


def _messages(number: int) -> str:
    return "1 message" if number == 1 else f"{number} messages"


@asynccontextmanager
async def _opened(settings: DatabaseSettings) -> AsyncIterator[Database]:
    async def stage(*_: object) -> None:
        """Nothing here announces anything."""

    async with Database.open(settings, stage=stage) as database:
        yield database
