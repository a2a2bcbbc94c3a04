"""Log-ins of who bears tokens, over HTTP as OAuth2 has it, and their keys."""

import asyncio
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

import typer
from fastapi import Depends, Form, Request, Response, status
from pydantic import BaseModel, Field, SecretStr

from app.modules.accounts.commands import commands, opened
from app.modules.accounts.dependencies import AccountServiceDep, OwnIdDep
from app.modules.accounts.errors import EmailNotVerified, LogInRefused
from app.modules.accounts.models import Account
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.router import GUESSABLE, HASHING, PUBLIC, committed, router
from app.modules.accounts.schemas import LetterToken, Password, PasswordChange
from app.modules.accounts.service import AccountService, principal_of
from app.platform.database import UnitOfWork
from app.platform.errors import DomainError, Overloaded, Unauthenticated
from app.platform.identity.jwt import JwtIdentity
from app.platform.identity.keys import NOTICE
from app.platform.web.dependencies import UnitOfWorkDep
from app.platform.web.problems import problems
from app.platform.web.routing import Policy

__all__ = ["commands", "router"]


class RefreshRefused(Unauthenticated):
    """The refresh token is not, or no longer, good."""

    def __init__(self) -> None:
        super().__init__("Log in again: this refresh token is not good any more.")


class Refresh(BaseModel):
    """What a client shows to log out."""

    refresh_token: LetterToken


class TokenRequest(BaseModel):
    """What OAuth2 sends to get tokens (RFC 6749, 4.3 and 6)."""

    grant_type: Literal["password", "refresh_token"] = "password"
    username: Annotated[str, Field(max_length=254)] = ""
    password: Password = SecretStr("")
    refresh_token: LetterToken = ""
    # Clients send them, and nothing here needs them.
    scope: Annotated[str, Field(max_length=1000)] = ""
    client_id: Annotated[str | None, Field(max_length=200)] = None
    client_secret: Password | None = None


class Tokens(BaseModel):
    """What a client shows from now on."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: int = Field(description="Seconds.", examples=[600])
    refresh_token: str


class KeySet(BaseModel):
    """The public keys that check what is issued here (RFC 7517)."""

    keys: list[dict[str, str]]


class TokenService:
    """Gives tokens for a password, and for the newest refresh token of a log-in."""

    def __init__(
        self, unit: UnitOfWork, accounts: AccountService, identity: JwtIdentity
    ) -> None:
        self._unit = unit
        self._accounts = accounts
        self._identity = identity
        self._refresh_tokens = identity.refresh_tokens

    async def log_in(self, asked: TokenRequest) -> Tokens | DomainError:
        account = await self._accounts.log_in(asked.username, asked.password)
        if isinstance(account, DomainError):
            return account
        refresh_token = await self._refresh_tokens.begin(self._unit, str(account.id))
        return await self._tokens(account, refresh_token)

    async def refresh(self, token: str) -> Tokens | DomainError:
        """Exchange a token for its successor; a second use of it ends the family."""
        claim = await self._refresh_tokens.claim(self._unit, token)
        if claim is None:
            return RefreshRefused()
        account_id = UUID(claim.family.principal_id)
        account = await self._accounts.find(account_id)
        if account is None or not claim.is_newest:
            await self._refresh_tokens.end(self._unit, claim.family)
            await self._accounts.note("refresh_token_reused", account_id)
            return RefreshRefused()
        following = await self._refresh_tokens.follow(self._unit, claim.family)
        return await self._tokens(account, following)

    async def log_out(self, token: str) -> None:
        claim = await self._refresh_tokens.claim(self._unit, token)
        if claim is not None:
            await self._refresh_tokens.end(self._unit, claim.family)
            await self._accounts.note("logged_out", UUID(claim.family.principal_id))

    async def _tokens(self, account: Account, refresh_token: str) -> Tokens:
        issued = await self._identity.issue(principal_of(account))
        return Tokens(
            access_token=issued.token,
            token_type="bearer",  # noqa: S106 - it is a word of OAuth2
            expires_in=issued.seconds,
            refresh_token=refresh_token,
        )


async def _identity(request: Request) -> JwtIdentity:
    identity: JwtIdentity = request.state.platform.identity
    return identity


JwtIdentityDep = Annotated[JwtIdentity, Depends(_identity)]


async def _service(
    unit: UnitOfWorkDep, accounts: AccountServiceDep, identity: JwtIdentityDep
) -> TokenService:
    return TokenService(unit, accounts, identity)


TokenServiceDep = Annotated[TokenService, Depends(_service)]


@router.post(
    "/token",
    response_model=Tokens,
    responses=problems(LogInRefused, RefreshRefused, EmailNotVerified, Overloaded),
    policy=GUESSABLE,
)
async def get_tokens(
    asked: Annotated[TokenRequest, Form()], request: Request, tokens: TokenServiceDep
) -> Response:
    """Log in, or go on with a refresh token (OAuth2)."""
    if asked.grant_type == "password":
        return committed(request, await tokens.log_in(asked))
    return committed(request, await tokens.refresh(asked.refresh_token))


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, policy=PUBLIC)
async def log_out(shown: Refresh, tokens: TokenServiceDep) -> None:
    """Log out: no token of this log-in is exchanged for another any more."""
    await tokens.log_out(shown.refresh_token)


@router.put(
    "/me/password",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(LogInRefused, Overloaded),
    policy=Policy(concurrency=HASHING),
)
async def change_password(
    change: PasswordChange,
    request: Request,
    own_id: OwnIdDep,
    accounts: AccountServiceDep,
) -> Response:
    """Change one's password, which logs out everywhere."""
    changed = await accounts.change_password(own_id, change)
    return committed(request, changed if isinstance(changed, DomainError) else None)


@router.get("/keys", policy=PUBLIC)
async def list_keys(identity: JwtIdentityDep) -> KeySet:
    """List the public keys that check access tokens, as a JWK set."""
    return KeySet.model_validate(await identity.public_keys())


@commands.command("rotate-keys")
def rotate_keys(
    context: typer.Context,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Believe nothing that the old ones signed.")
    ] = False,
) -> None:
    """Let a new key sign; what the old ones have signed is good until it expires."""
    notice = timedelta(0) if now else NOTICE
    kid = asyncio.run(_rotate(context, notice))
    typer.echo(f"Key {kid} signs in {notice.total_seconds():.0f} seconds.")


async def _rotate(context: typer.Context, notice: timedelta) -> str:
    async with opened(context) as (platform, unit):
        kid: str = await platform.identity.keys.rotate(notice=notice)
        await AccountRepository(unit.session).note("keys_rotated", None)
        return kid
