"""Log-ins of browsers over HTTP: a cookie shows them, and each can be ended."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Request, Response, status
from pydantic import BaseModel

from app.modules.accounts.commands import commands
from app.modules.accounts.dependencies import AccountServiceDep, OwnIdDep
from app.modules.accounts.errors import EmailNotVerified, LogInRefused
from app.modules.accounts.models import Account
from app.modules.accounts.router import GUESSABLE, HASHING, committed, router
from app.modules.accounts.schemas import Address, Password, PasswordChange
from app.modules.accounts.service import AccountService, principal_of
from app.platform.database import UnitOfWork
from app.platform.errors import DomainError, NotFound, Overloaded, Unauthenticated
from app.platform.identity.session import SessionIdentity
from app.platform.sessions import CHALLENGE, COOKIE, Session, id_of
from app.platform.sessions.guard import cookies
from app.platform.web.dependencies import UnitOfWorkDep
from app.platform.web.problems import problems
from app.platform.web.routing import Policy

__all__ = ["commands", "router"]

ATTRIBUTES: dict[str, Any] = {
    "path": "/",
    "secure": True,
    "httponly": True,
    "samesite": "lax",
}


class SessionNotFound(NotFound):
    """No such session of one's own goes on."""

    def __init__(self) -> None:
        super().__init__("You have no such session.")


class LogIn(BaseModel):
    """What a client sends to log in."""

    email: Address
    password: Password


class SessionRead(BaseModel):
    """What one sees of one's own sessions."""

    id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    is_current: bool

    @classmethod
    def of(cls, session: Session, current: str) -> "SessionRead":
        return cls(
            id=session.id,
            created_at=session.created_at,
            seen_at=session.seen_at,
            expires_at=session.expires_at,
            is_current=session.id == current,
        )


class SessionService:
    """Begins and ends what a browser shows; each log-in gets a cookie of its own."""

    def __init__(
        self, unit: UnitOfWork, accounts: AccountService, identity: SessionIdentity
    ) -> None:
        self._unit = unit
        self._accounts = accounts
        self._identity = identity

    async def log_in(self, asked: LogIn, shown: list[str]) -> str | DomainError:
        account = await self._accounts.log_in(asked.email, asked.password)
        return await self._begin(account, shown)

    async def change_password(
        self, account_id: UUID, change: PasswordChange
    ) -> str | DomainError:
        """End all sessions, and begin another one for who has changed it."""
        changed = await self._accounts.change_password(account_id, change)
        return await self._begin(changed, [])

    async def end(self, account_id: UUID, session_id: str) -> None:
        ended = await self._identity.sessions.end(
            self._unit, str(account_id), session_id
        )
        if not ended:
            raise SessionNotFound
        await self._accounts.note("logged_out", account_id)

    async def end_all(self, account_id: UUID) -> None:
        await self._identity.end_all(self._unit, str(account_id))
        await self._accounts.note("logged_out_everywhere", account_id)

    async def _begin(
        self, account: Account | DomainError, shown: list[str]
    ) -> str | DomainError:
        if isinstance(account, Unauthenticated):
            account.scheme = CHALLENGE
        if isinstance(account, DomainError):
            return account
        principal = principal_of(account)
        return await self._identity.begin(self._unit, principal, instead_of=shown)


async def _identity(request: Request) -> SessionIdentity:
    identity: SessionIdentity = request.state.platform.identity
    return identity


SessionIdentityDep = Annotated[SessionIdentity, Depends(_identity)]


async def _service(
    unit: UnitOfWorkDep, accounts: AccountServiceDep, identity: SessionIdentityDep
) -> SessionService:
    return SessionService(unit, accounts, identity)


async def _shown(request: Request) -> list[str]:
    return list(cookies(request.scope))


SessionServiceDep = Annotated[SessionService, Depends(_service)]
ShownDep = Annotated[list[str], Depends(_shown)]
SessionIdPath = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


@router.post(
    "/sessions",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(LogInRefused, EmailNotVerified, Overloaded),
    policy=GUESSABLE,
)
async def log_in(
    asked: LogIn,
    request: Request,
    shown: ShownDep,
    sessions: SessionServiceDep,
    identity: SessionIdentityDep,
) -> Response:
    """Log in: the answer sets a cookie. What was shown of an earlier log-in ends."""
    return _showing(request, await sessions.log_in(asked, shown), identity)


@router.get("/sessions")
async def list_sessions(
    own_id: OwnIdDep, shown: ShownDep, identity: SessionIdentityDep
) -> list[SessionRead]:
    """List one's own sessions that go on, the newest first."""
    current = id_of(shown[0])
    found = await identity.list_of(str(own_id))
    return [SessionRead.of(each, current) for each in found]


@router.delete("/sessions", status_code=status.HTTP_204_NO_CONTENT)
async def log_out_everywhere(
    own_id: OwnIdDep, response: Response, sessions: SessionServiceDep
) -> None:
    """End all sessions of one's own, this one too."""
    await sessions.end_all(own_id)
    response.delete_cookie(COOKIE, **ATTRIBUTES)


@router.delete(
    "/sessions/current",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(SessionNotFound),
)
async def log_out(
    own_id: OwnIdDep, shown: ShownDep, response: Response, sessions: SessionServiceDep
) -> None:
    """Log out: this session is good no more, whoever has its cookie."""
    await sessions.end(own_id, id_of(shown[0]))
    response.delete_cookie(COOKIE, **ATTRIBUTES)


@router.delete(
    "/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(SessionNotFound),
)
async def end_session(
    session_id: SessionIdPath, own_id: OwnIdDep, sessions: SessionServiceDep
) -> None:
    """End one session of one's own: at once, on every replica."""
    await sessions.end(own_id, session_id)


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
    sessions: SessionServiceDep,
    identity: SessionIdentityDep,
) -> Response:
    """Change one's password, which ends all sessions: the answer begins another."""
    return _showing(request, await sessions.change_password(own_id, change), identity)


def _showing(
    request: Request, outcome: str | DomainError, identity: SessionIdentity
) -> Response:
    """Have the browser show the session from now on; or answer why there is none."""
    if isinstance(outcome, DomainError):
        return committed(request, outcome)
    response = committed(request, None)
    lasting = int(identity.lasting.absolute.total_seconds())
    response.set_cookie(COOKIE, outcome, max_age=lasting, **ATTRIBUTES)
    return response
