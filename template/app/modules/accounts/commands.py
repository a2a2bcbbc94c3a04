"""What an operator can do with accounts and what they have begun."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from app.modules.accounts.models import Account
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.schemas import LONGEST_PASSWORD
from app.modules.accounts.service import Passwords
from app.platform.database import UnitOfWork
from app.platform.observability.context import ADMIN

SHORTEST_PASSWORD = 12

Email = Annotated[str, typer.Argument(help="The address of the account.")]

commands = typer.Typer(
    name="accounts", help="Accounts, and who is logged in.", no_args_is_help=True
)


@commands.command("create-admin")
def create_admin(
    context: typer.Context,
    email: Email,
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)
    ],
) -> None:
    """Make an account that may do everything, or let one that is there do so."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise typer.BadParameter(f"A password has {SHORTEST_PASSWORD} letters or more.")
    asyncio.run(_create_admin(context, email.lower(), SecretStr(password)))
    typer.echo(f"{email} is an admin.")


@commands.command()
def grant(
    context: typer.Context,
    email: Email,
    scopes: Annotated[list[str], typer.Argument(help="All it has now.")],
) -> None:
    """Say what an account may do, from its next log-in or token on."""
    asyncio.run(_grant(context, email, scopes))
    typer.echo(f"{email} has: {' '.join(scopes)}.")


@commands.command()
def revoke(context: typer.Context, email: Email) -> None:
    """Log an account out everywhere; a token that is out is good until it expires."""
    asyncio.run(_revoke(context, email))
    typer.echo(f"{email} is logged out everywhere.")


@commands.command()
def events(
    context: typer.Context,
    email: Annotated[str, typer.Option("--of", help="Of this account alone.")] = "",
    limit: Annotated[int, typer.Option(help="How many, the newest first.")] = 100,
) -> None:
    """List security events: when, what, of whom, of what, by whom, which request."""
    asyncio.run(_events(context, email, limit))


async def _create_admin(
    context: typer.Context, email: str, password: SecretStr
) -> None:
    hashed = await Passwords().hashed(password)
    async with opened(context) as (platform, unit):
        accounts = AccountRepository(unit.session)
        account = await accounts.get_or_add(
            Account(email=email, password_hash=hashed), "email"
        )
        account.password_hash = hashed
        account.scopes = ADMIN
        await accounts.verify(account)
        await platform.identity.end_all(unit, str(account.id))
        await accounts.note("admin_created", account.id)


async def _grant(context: typer.Context, email: str, scopes: list[str]) -> None:
    async with opened(context) as (platform, unit):
        accounts = AccountRepository(unit.session)
        account = await _account(accounts, email)
        account.scopes = " ".join(scopes)
        await accounts.save(account)
        await platform.identity.granted(unit, str(account.id))
        await accounts.note("granted", account.id)


async def _revoke(context: typer.Context, email: str) -> None:
    async with opened(context) as (platform, unit):
        accounts = AccountRepository(unit.session)
        account = await _account(accounts, email)
        await platform.identity.end_all(unit, str(account.id))
        await accounts.note("revoked", account.id)


async def _events(context: typer.Context, email: str, limit: int) -> None:
    async with opened(context) as (_, unit):
        accounts = AccountRepository(unit.session)
        whose = (await _account(accounts, email)).id if email else None
        for each in await accounts.events(whose, limit=limit):
            typer.echo(each)


async def _account(accounts: AccountRepository, email: str) -> Account:
    account = await accounts.find_by_email(email.lower())
    if account is None:
        raise typer.BadParameter(f"There is no account {email}.")
    return account


@asynccontextmanager
async def opened(context: typer.Context) -> AsyncIterator[tuple[Any, UnitOfWork]]:
    """Open the service as its processes do, and begin a transaction."""
    async with (
        context.meta["platform"]() as platform,
        platform.database.unit_of_work() as unit,
    ):
        yield platform, unit
