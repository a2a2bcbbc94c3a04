"""What an operator can do with accounts and keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated

import typer
from pydantic import SecretStr

from app.modules.accounts.models import Account
from app.modules.accounts.passwords import Passwords
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.schemas import LONGEST_PASSWORD
from app.platform.configuration import SECTION, ServiceSettings
from app.platform.database import Database, DatabaseSettings, UnitOfWork
from app.platform.identity.jwt import JwtIdentity, JwtIdentitySettings
from app.platform.identity.keys import NOTICE
from app.platform.observability.context import ADMIN

SHORTEST_PASSWORD = 12

Email = Annotated[str, typer.Argument(help="The address of the account.")]

commands = typer.Typer(
    name="accounts", help="Accounts, log-ins and keys.", no_args_is_help=True
)


class Alone(ServiceSettings):
    """What the commands need, whatever else is missing."""

    database: DatabaseSettings = SECTION
    identity: JwtIdentitySettings = SECTION


@commands.command("create-admin")
def create_admin(
    email: Email,
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)
    ],
) -> None:
    """Make an account that may do everything, or let one that is there do so."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise typer.BadParameter(f"A password has {SHORTEST_PASSWORD} letters or more.")
    asyncio.run(_create_admin(email.lower(), SecretStr(password)))
    typer.echo(f"{email} is an admin.")


@commands.command()
def grant(
    email: Email, scopes: Annotated[list[str], typer.Argument(help="All it has now.")]
) -> None:
    """Say what an account may do, from its next token on."""
    asyncio.run(_grant(email, scopes))
    typer.echo(f"{email} has: {' '.join(scopes)}.")


@commands.command()
def revoke(email: Email) -> None:
    """Log an account out everywhere; what it has got is believed until it expires."""
    asyncio.run(_revoke(email))
    typer.echo(f"{email} is logged out everywhere.")


@commands.command()
def events(
    email: Annotated[str, typer.Option("--of", help="Of this account alone.")] = "",
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 100,
) -> None:
    """List security events: when, what, whose, in which request."""
    asyncio.run(_events(email, limit))


@commands.command("rotate-keys")
def rotate_keys(
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Believe nothing that the old ones signed.")
    ] = False,
) -> None:
    """Let a new key sign; what the old ones have signed is good until it expires."""
    notice = timedelta(0) if now else NOTICE
    kid = asyncio.run(_rotate(notice))
    typer.echo(f"Key {kid} signs in {notice.total_seconds():.0f} seconds.")


async def _create_admin(email: str, password: SecretStr) -> None:
    hashed = await Passwords().hashed(password)
    async with _unit() as unit:
        accounts = AccountRepository(unit.session)
        account = await accounts.get_or_add(
            Account(email=email, password_hash=hashed), "email"
        )
        account.password_hash = hashed
        account.scopes = ADMIN
        await accounts.verify(account)
        await accounts.revoke_families(account.id)
        await accounts.note("admin_created", account.id)


async def _grant(email: str, scopes: list[str]) -> None:
    async with _unit() as unit:
        accounts = AccountRepository(unit.session)
        account = await _account(accounts, email)
        account.scopes = " ".join(scopes)
        await accounts.save(account)
        await accounts.note("granted", account.id)


async def _revoke(email: str) -> None:
    async with _unit() as unit:
        accounts = AccountRepository(unit.session)
        account = await _account(accounts, email)
        await accounts.revoke_families(account.id)
        await accounts.note("revoked", account.id)


async def _events(email: str, limit: int) -> None:
    async with _unit() as unit:
        accounts = AccountRepository(unit.session)
        whose = (await _account(accounts, email)).id if email else None
        for each in await accounts.events(whose, limit=limit):
            when = each.created_at.isoformat(timespec="seconds")
            row = (when, each.kind, each.account_id, each.request_id)
            typer.echo("\t".join(str(value or "-") for value in row))


async def _rotate(notice: timedelta) -> str:
    alone = Alone.load()
    async with _opened(alone) as database:
        identity = JwtIdentity(alone.identity, database, "")
        kid = await identity.keys.rotate(notice=notice)
        async with database.unit_of_work() as unit:
            await AccountRepository(unit.session).note("keys_rotated", None)
        return kid


async def _account(accounts: AccountRepository, email: str) -> Account:
    account = await accounts.find_by_email(email.lower())
    if account is None:
        raise typer.BadParameter(f"There is no account {email}.")
    return account


@asynccontextmanager
async def _unit() -> AsyncIterator[UnitOfWork]:
    async with _opened(Alone.load()) as database, database.unit_of_work() as unit:
        yield unit


@asynccontextmanager
async def _opened(alone: Alone) -> AsyncIterator[Database]:
    async def stage(*_: object) -> None:
        """Nothing here announces anything."""

    async with Database.open(alone.database, stage=stage) as database:
        yield database
