"""Accounts over HTTP: parse, delegate, render."""

from typing import Annotated

from fastapi import Form, Request, Response, status
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app.modules.accounts.dependencies import AccountServiceDep, OwnIdDep
from app.modules.accounts.errors import (
    EmailNotVerified,
    LetterTokenRefused,
    LogInRefused,
    RefreshRefused,
)
from app.modules.accounts.schemas import (
    AccountRead,
    KeySet,
    PasswordChange,
    PasswordReset,
    Refresh,
    Registration,
    ResetRequest,
    TokenRequest,
    Tokens,
    Verification,
)
from app.platform.errors import DomainError, Overloaded
from app.platform.web.dependencies import IdentityDep
from app.platform.web.problems import describe, problems
from app.platform.web.routing import (
    ANYBODY,
    AUTHENTICATED,
    Concurrency,
    Policy,
    Rate,
    Router,
)

router = Router(
    prefix="/accounts", tags=["accounts"], policy=Policy(access=AUTHENTICATED)
)

# A password takes a core for a while on purpose: others must not wait for it.
HASHING = Concurrency("passwords", limit=4)
PUBLIC = Policy(access=ANYBODY)
# Who guesses is slowed down by its address; no account can be locked by others.
GUESSABLE = Policy(
    access=ANYBODY,
    concurrency=HASHING,
    rate=Rate("passwords", limit=30),
    max_body_bytes=16 * 1024,
)


def _committed(request: Request, outcome: BaseModel | DomainError | None) -> Response:
    """Answer a refusal without raising it: what it has changed is to be kept."""
    if isinstance(outcome, DomainError):
        return describe(outcome, request.scope)
    if outcome is None:
        return Response(status_code=status.HTTP_204_NO_CONTENT)
    return JSONResponse(jsonable_encoder(outcome))


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(Overloaded),
    policy=GUESSABLE,
)
async def register(draft: Registration, accounts: AccountServiceDep) -> None:
    """Register. The answer is the same for an address that has an account."""
    await accounts.register(draft)


@router.post(
    "/verifications",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(LetterTokenRefused),
    policy=PUBLIC,
)
async def verify(verification: Verification, accounts: AccountServiceDep) -> None:
    """Verify an address with the token of the letter."""
    await accounts.verify(verification.token)


@router.post(
    "/token",
    response_model=Tokens,
    responses=problems(LogInRefused, RefreshRefused, EmailNotVerified, Overloaded),
    policy=GUESSABLE,
)
async def get_tokens(
    asked: Annotated[TokenRequest, Form()],
    request: Request,
    accounts: AccountServiceDep,
) -> Response:
    """Log in, or go on with a refresh token (OAuth2)."""
    if asked.grant_type == "password":
        return _committed(request, await accounts.log_in(asked))
    return _committed(request, await accounts.refresh(asked.refresh_token))


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, policy=PUBLIC)
async def log_out(shown: Refresh, accounts: AccountServiceDep) -> None:
    """Log out: no token of this log-in is exchanged for another any more."""
    await accounts.log_out(shown.refresh_token)


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
    return _committed(request, await accounts.change_password(own_id, change))


@router.get("/me")
async def get_own_account(own_id: OwnIdDep, accounts: AccountServiceDep) -> AccountRead:
    """Get one's own account."""
    return AccountRead.model_validate(await accounts.get(own_id))


@router.post("/password-resets", status_code=status.HTTP_202_ACCEPTED, policy=PUBLIC)
async def ask_reset(asked: ResetRequest, accounts: AccountServiceDep) -> None:
    """Ask for a letter that allows a new password, if the address has an account."""
    await accounts.ask_reset(asked.email)


@router.put(
    "/password-resets",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(LetterTokenRefused, Overloaded),
    policy=GUESSABLE,
)
async def reset_password(reset: PasswordReset, accounts: AccountServiceDep) -> None:
    """Choose a new password with the token of the letter, which logs out everywhere."""
    await accounts.reset_password(reset)


@router.get("/keys", policy=PUBLIC)
async def list_keys(identity: IdentityDep) -> KeySet:
    """List the public keys that check access tokens, as a JWK set."""
    return KeySet.model_validate(await identity.public_keys())
