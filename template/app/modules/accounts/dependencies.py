"""How a request gets its accounts."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.modules.accounts.errors import LogInRefused
from app.modules.accounts.repository import AccountRepository
from app.modules.accounts.service import AccountService, Passwords
from app.platform.observability import context
from app.platform.web.dependencies import IdentityDep, UnitOfWorkDep


async def _service(unit: UnitOfWorkDep, identity: IdentityDep) -> AccountService:
    accounts = AccountRepository(unit.session)
    return AccountService(unit, accounts, identity, Passwords())


async def _own_id() -> UUID:
    try:
        return UUID(context.caller().id)
    except ValueError:
        raise LogInRefused from None


AccountServiceDep = Annotated[AccountService, Depends(_service)]
OwnIdDep = Annotated[UUID, Depends(_own_id)]
