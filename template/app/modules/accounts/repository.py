"""Where accounts are kept. The only file of the module that speaks SQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from app.modules.accounts.models import Account
from app.platform import audit
from app.platform.database import Repository
from app.platform.errors import NotFound


class AccountNotFound(NotFound):
    """No such account."""

    def __init__(self, account_id: UUID) -> None:
        super().__init__(f"There is no account {account_id}.")


class AccountRepository(Repository[Account]):
    model = Account
    not_found = AccountNotFound

    async def find_by_email(self, email: str) -> Account | None:
        query = select(Account).where(Account.email == email)
        found: Account | None = await self.session.scalar(query)
        return found

    async def verify(self, account: Account) -> None:
        account.verified_at = func.now()
        await self.save(account)

    async def hold(self, account: Account) -> Account | None:
        """Read it as it is now, if its password is the same, and let it stay so."""
        query = select(Account).where(
            Account.id == account.id, Account.password_hash == account.password_hash
        )
        held: Account | None = await self.session.scalar(
            query.with_for_update(read=True),
            execution_options={"populate_existing": True},
        )
        return held

    async def note(self, kind: str, account_id: UUID | None) -> None:
        """Leave a security event of this account."""
        whose = str(account_id) if account_id else None
        await audit.note(self.session, kind, whose)

    async def events(self, account_id: UUID | None, *, limit: int) -> Sequence[str]:
        whose = str(account_id) if account_id else None
        return await audit.events(self.session, whose, limit=limit)
