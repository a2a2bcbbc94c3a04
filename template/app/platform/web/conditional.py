"""What has not changed is not sent, and what has changed is not overwritten."""

import re
from hashlib import blake2b
from typing import Annotated

from fastapi import Depends, Header, Request, Response, status
from pydantic import BaseModel

from app.platform.database import Versioned
from app.platform.errors import (
    DomainError,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.web.body import refuse_if_valid

# The row's version first; what stands for all that was shown follows.
_VERSION = re.compile(r'"(\d{1,18})(?:\.[0-9a-f]{1,32})?"')
_TAG = re.compile(r'(?:W/)?("[^"]*")')
_OF_THE_BODY = frozenset({"content-length", "content-type"})
_DESCRIPTION = "The `ETag` of the version that is to be changed, or `*` for any."


class MalformedCondition(DomainError):
    """The header `If-Match` names no single version."""


def show[T: BaseModel](row: Versioned, schema: type[T], response: Response) -> T:
    """
    Show a row, and tell the client in a strong entity tag which version it got.

    The tag follows from all that is shown, of other rows and of collections, too: what
    has changed is sent. A change of the row is conditional on its version alone.
    """
    shown = schema.model_validate(row)
    content = blake2b(shown.model_dump_json().encode(), digest_size=8).hexdigest()
    set_version(response, f"{row.version}.{content}")
    return shown


def set_version(response: Response, version: int | str) -> None:
    """Tell the client the version of something that is more than a row."""
    response.headers["ETag"] = f'"{version}"'


async def _expected_version(
    if_match: Annotated[str | None, Header(description=_DESCRIPTION)] = None,
) -> int | None:
    if if_match is None:
        missing = "Say in If-Match which version you mean to change."
        refuse_if_valid(PreconditionRequired(missing))
    return await _expected_version_if_any(if_match)


async def _expected_version_if_any(
    if_match: Annotated[str | None, Header(description=_DESCRIPTION)] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _VERSION.fullmatch(if_match.strip())
    if match is not None:
        return int(match[1])
    if "," in if_match:
        refuse_if_valid(MalformedCondition("If-Match must name one version."))
    else:
        # Another's tag, or a weak one, equals none of ours.
        refuse_if_valid(PreconditionFailed("It has changed since you read it."))
    return None


# The version the client expects; None if it means whatever is there.
IfMatchDep = Annotated[int | None, Depends(_expected_version)]
OptionalIfMatchDep = Annotated[int | None, Depends(_expected_version_if_any)]


def conditional(request: Request, response: Response) -> Response:
    """Tag what was read, and answer 304 if the client's copy has the same tag."""
    if (
        request.method not in {"GET", "HEAD"}
        or response.status_code != status.HTTP_200_OK
    ):
        return response
    tag = response.headers.get("etag") or _tag(response)
    if tag is None:
        return response
    response.headers["etag"] = tag
    if not _matches(request.headers.get("if-none-match"), tag):
        return response
    return _not_modified(response)


def _tag(response: Response) -> str | None:
    """Derive a strong tag from the bytes; None for a stream, which has none yet."""
    body = getattr(response, "body", None)
    if body is None:
        return None
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def _matches(condition: str | None, tag: str) -> bool:
    if condition is None:
        return False
    opaque = tag.removeprefix("W/")
    return condition.strip() == "*" or opaque in _TAG.findall(condition)


def _not_modified(response: Response) -> Response:
    unchanged = Response(status_code=status.HTTP_304_NOT_MODIFIED)
    unchanged.raw_headers = [
        (name, value)
        for name, value in response.raw_headers
        if name.decode() not in _OF_THE_BODY
    ]
    return unchanged
