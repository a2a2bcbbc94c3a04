"""API keys over HTTP: parse, delegate, render."""

from uuid import UUID

from fastapi import status

from app.modules.apikeys.dependencies import ApiKeyServiceDep
from app.modules.apikeys.errors import (
    ApiKeyNotFound,
    KeyCannotManageKeys,
    ScopeNotHeld,
    TooManyKeys,
)
from app.modules.apikeys.schemas import (
    ApiKeyDraft,
    ApiKeyList,
    ApiKeyMade,
    ApiKeyRead,
    Rotation,
)
from app.modules.apikeys.service import Made
from app.platform.web.problems import problems
from app.platform.web.routing import AUTHENTICATED, Policy, Router

# No answer may be stored to be repeated: it has the key.
router = Router(
    prefix="/api-keys",
    tags=["api keys"],
    policy=Policy(access=AUTHENTICATED, max_body_bytes=16 * 1024),
)


def _shown(made: Made) -> ApiKeyMade:
    read = ApiKeyRead.model_validate(made.key)
    return ApiKeyMade(**read.model_dump(), key=made.secret)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=problems(ScopeNotHeld, KeyCannotManageKeys, TooManyKeys),
)
async def create_api_key(draft: ApiKeyDraft, keys: ApiKeyServiceDep) -> ApiKeyMade:
    """Make an API key. It is shown once, and acts for who has made it."""
    return _shown(await keys.create(draft))


@router.get("", responses=problems(KeyCannotManageKeys))
async def list_api_keys(keys: ApiKeyServiceDep) -> ApiKeyList:
    """List one's own keys, the newest first: what is known of them."""
    own = await keys.list_own()
    return ApiKeyList(items=[ApiKeyRead.model_validate(each) for each in own])


@router.post(
    "/{key_id}/rotations",
    status_code=status.HTTP_201_CREATED,
    responses=problems(ApiKeyNotFound, KeyCannotManageKeys),
)
async def rotate_api_key(
    key_id: UUID, rotation: Rotation, keys: ApiKeyServiceDep
) -> ApiKeyMade:
    """Make a successor. The old key is good for some hours more."""
    return _shown(await keys.rotate(key_id, rotation))


@router.delete(
    "/{key_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(ApiKeyNotFound, KeyCannotManageKeys),
)
async def revoke_api_key(key_id: UUID, keys: ApiKeyServiceDep) -> None:
    """Revoke a key. Within ten seconds, no process believes it."""
    await keys.revoke(key_id)
