"""What an operator can do with API keys."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from app.modules.apikeys.models import ApiKey
from app.modules.apikeys.repository import ApiKeyRepository
from app.modules.apikeys.schemas import LONGEST_DAYS, ApiKeyDraft
from app.modules.apikeys.service import ApiKeyService
from app.platform.configuration import SECTION, ServiceSettings
from app.platform.database import Database, DatabaseSettings

Owner = Annotated[str, typer.Argument(help="The id of the principal it acts for.")]
Prefix = Annotated[str, typer.Argument(help="What stands between its last two _.")]

commands = typer.Typer(
    name="apikeys", help="Keys of callers that are programs.", no_args_is_help=True
)


class Alone(ServiceSettings):
    """What the commands need, whatever else is missing."""

    database: DatabaseSettings = SECTION


@commands.command()
def create(
    owner: Owner,
    name: Annotated[str, typer.Option(help="What it is for.")] = "by an operator",
    scope: Annotated[list[str] | None, typer.Option(help="What it may do.")] = None,
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS)] = 90,
    tenant: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Make a key, and show it this once."""
    draft = ApiKeyDraft(name=name, scopes=scope or [], days=days)
    typer.echo(asyncio.run(_create(draft, owner, tenant)))


@commands.command("list")
def list_of(owner: Owner) -> None:
    """List the keys of an owner: prefix, name, scopes, expiry and last use."""
    for key in asyncio.run(_list(owner)):
        used = key.last_used_at and key.last_used_at.isoformat(timespec="minutes")
        until = key.expires_at.isoformat(timespec="minutes")
        row = (key.prefix, key.name, key.scopes or "-", until, used or "-")
        typer.echo("\t".join(row))


@commands.command()
def events(
    owner: Owner,
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 100,
) -> None:
    """List security events: when, what, of whom, of which key, by whom, request."""
    for event in asyncio.run(_events(owner, limit)):
        typer.echo(event)


@commands.command()
def revoke(prefix: Prefix) -> None:
    """Revoke a key: within ten seconds, no process believes it."""
    asyncio.run(_revoke(prefix))
    typer.echo(f"{prefix} is revoked.")


async def _create(draft: ApiKeyDraft, owner: str, tenant: str | None) -> str:
    async with _opened() as (_, service):
        made = await service.make(draft, owner_id=owner, tenant=tenant)
        return made.secret


async def _list(owner: str) -> list[ApiKey]:
    async with _opened() as (keys, _):
        return [*await keys.of(owner, limit=1000)]


async def _events(owner: str, limit: int) -> Sequence[str]:
    async with _opened() as (keys, _):
        return await keys.events(owner, limit=limit)


async def _revoke(prefix: str) -> None:
    async with _opened() as (keys, service):
        key = await keys.find_by_prefix(prefix)
        if key is None:
            raise typer.BadParameter(f"There is no key {prefix}.")
        await service.revoke(key.id)


@asynccontextmanager
async def _opened() -> AsyncIterator[tuple[ApiKeyRepository, ApiKeyService]]:
    async def stage(*_: object) -> None:
        """Nothing here announces anything."""

    alone = Alone.load()
    async with (
        Database.open(alone.database, stage=stage) as database,
        database.unit_of_work() as unit,
    ):
        keys = ApiKeyRepository(unit.session)
        yield keys, ApiKeyService(keys, alone.environment)
