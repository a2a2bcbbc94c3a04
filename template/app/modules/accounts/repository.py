"""Where accounts are kept. The only file of the module that speaks SQL."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select, update

from app.modules.accounts.models import Account, AuditEvent, TokenFamily
from app.platform.database import Repository
from app.platform.database.postgresql import from_now
from app.platform.errors import NotFound
from app.platform.observability import context

log = structlog.get_logger("security")


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

    async def begin_family(
        self, account_id: UUID, *, lasting: timedelta
    ) -> TokenFamily:
        family = TokenFamily(account_id=account_id, expires_at=from_now(lasting))
        self.session.add(family)
        await self.session.flush()
        return family

    async def claim_family(self, key: UUID) -> TokenFamily | None:
        """Find one that is still good, and let nobody else have it meanwhile."""
        query = select(TokenFamily).where(
            TokenFamily.id == key,
            TokenFamily.revoked_at.is_(None),
            TokenFamily.expires_at > func.now(),
        )
        found: TokenFamily | None = await self.session.scalar(query.with_for_update())
        return found

    async def revoke_families(self, account_id: UUID) -> None:
        await self.session.execute(
            update(TokenFamily)
            .where(TokenFamily.account_id == account_id)
            .where(TokenFamily.revoked_at.is_(None))
            .values(revoked_at=func.now())
        )

    async def revoke(self, family: TokenFamily) -> None:
        family.revoked_at = func.now()
        await self.session.flush()

    async def note(self, kind: str, account_id: UUID | None) -> None:
        """Leave a line in the log and a row in the table."""
        whose = str(account_id) if account_id else None
        log.info(f"security.{kind}", account_id=whose)
        event = AuditEvent(
            kind=kind, account_id=account_id, request_id=context.request_id()
        )
        self.session.add(event)
        await self.session.flush()

    async def events(
        self, account_id: UUID | None, *, limit: int
    ) -> Sequence[AuditEvent]:
        query = select(AuditEvent).order_by(AuditEvent.created_at.desc()).limit(limit)
        if account_id is not None:
            query = query.where(AuditEvent.account_id == account_id)
        return (await self.session.scalars(query)).all()
