"""Accounts over HTTP: parse, delegate, render."""

from fastapi import Request, Response, status
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from app.modules.accounts.dependencies import AccountServiceDep, OwnIdDep
from app.modules.accounts.errors import LetterTokenRefused
from app.modules.accounts.schemas import (
    AccountRead,
    PasswordReset,
    Registration,
    ResetRequest,
    Verification,
)
from app.platform.errors import DomainError, Overloaded
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


def committed(request: Request, outcome: BaseModel | DomainError | None) -> Response:
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
