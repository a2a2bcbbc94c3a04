"""Who may log in on a developer's machine: `make seed` adds them, once."""

from typing import Any, Protocol

from pydantic import SecretStr

from app.modules.accounts.models import Account
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.service import Passwords
from app.platform.database import Database
from app.platform.observability.context import ADMIN

PASSWORD = SecretStr("correct horse battery")
SCOPES = {"admin@example.com": ADMIN, "user@example.com": ""}


class Ports(Protocol):
    """The ports that this needs."""

    @property
    def settings(self) -> Any: ...

    @property
    def database(self) -> Database: ...


async def seed(platform: Ports) -> None:
    """Add them in development alone: their password is known to all who read this."""
    if platform.settings.environment != "development":
        return
    hashed = await Passwords().hashed(PASSWORD)
    async with platform.database.unit_of_work() as unit:
        accounts = AccountRepository(unit.session)
        for email, scopes in SCOPES.items():
            new = Account(email=email, password_hash=hashed, scopes=scopes)
            account = await accounts.get_or_add(new, "email")
            if account.id == new.id:
                await accounts.verify(account)
                await accounts.note("seeded", account.id)
