"""How a request gets its API keys."""

from typing import Annotated

from fastapi import Depends, Request

from app.modules.apikeys.errors import KeyCannotManageKeys
from app.modules.apikeys.repository import ApiKeyRepository
from app.modules.apikeys.service import ApiKeyService
from app.platform.web.dependencies import UnitOfWorkDep

# Where the guard notes that a key was shown.
BY_KEY = "by_api_key"


async def _service(request: Request, unit: UnitOfWorkDep) -> ApiKeyService:
    if getattr(request.state, BY_KEY, False):
        raise KeyCannotManageKeys
    environment = request.state.platform.settings.environment
    return ApiKeyService(ApiKeyRepository(unit.session), environment)


ApiKeyServiceDep = Annotated[ApiKeyService, Depends(_service)]
