"""The letters about an account, and what is forgotten with time."""

from datetime import timedelta
from typing import Any, Protocol

import structlog

from app.modules.accounts.events import AccountRegistered, PasswordResetAsked
from app.modules.accounts.models import Account
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.service import RESET, VERIFY, state_of
from app.platform.database import Database, UnitOfWork
from app.platform.identity import Issuer
from app.platform.mail import Mail, Mailer
from app.platform.tasks import TaskRouter, Tick

log = structlog.get_logger(__name__)
tasks = TaskRouter("accounts")

SUBJECTS = {VERIFY: "Verify your address", RESET: "Choose a new password"}


class Ports(Protocol):
    """The ports these tasks need."""

    @property
    def settings(self) -> Any: ...

    @property
    def database(self) -> Database: ...

    @property
    def identity(self) -> Issuer: ...

    @property
    def mail(self) -> Mailer: ...


@tasks.on(AccountRegistered)
async def send_verification(
    event: AccountRegistered, unit: UnitOfWork, ports: Ports
) -> None:
    """Send the token that verifies an address; one that is taken, a way back in."""
    account = await AccountRepository(unit.session).find(event.account_id)
    if account is not None:
        verified = account.verified_at is not None
        await _send(RESET if event.again and verified else VERIFY, account, ports)


@tasks.on(PasswordResetAsked)
async def send_reset(event: PasswordResetAsked, unit: UnitOfWork, ports: Ports) -> None:
    """Send the token that allows a new password, if there is an account."""
    if event.account_id is not None:
        account = await AccountRepository(unit.session).find(event.account_id)
        if account is not None:
            await _send(RESET, account, ports)


@tasks.every(timedelta(hours=1))
async def purge_log_ins(_: Tick, __: UnitOfWork, ports: Ports) -> None:
    log.info("accounts.purged", log_ins=await ports.identity.purge())


async def _send(purpose: str, account: Account, ports: Ports) -> None:
    settings = ports.settings.accounts
    lasting = timedelta(hours=settings.letter_hours)
    mark = ports.identity.vouch(purpose, *state_of(account, purpose), lasting=lasting)
    token = f"{account.id}.{mark}"
    page = f"{settings.page_url}?token={token}" if settings.page_url else token
    await ports.mail.send(
        Mail(
            to=account.email,
            subject=SUBJECTS[purpose],
            text=f"{SUBJECTS[purpose]}, if it was you who asked:\n\n{page}\n",
            key=f"{purpose}-{mark}",
        )
    )
