"""What has not changed is not sent, and what has changed is not overwritten."""

import re
from typing import Annotated

from fastapi import Depends, Header, Response

from app.platform.database import Versioned
from app.platform.errors import (
    DomainError,
    PreconditionFailed,
    PreconditionRequired,
)
from app.platform.web.routing import refuse_if_valid

# The row's version first; whatever it was shown with follows.
_VERSION = re.compile(r'"(\d{1,18})(?:\.\d{1,18})*"')
_DESCRIPTION = "The `ETag` of the version that is to be changed, or `*` for any."


class MalformedCondition(DomainError):
    """The header `If-Match` names no single version."""


def set_version(response: Response, version: int, *others: int) -> None:
    """
    Tell the client which version it got, as a strong entity tag.

    `others` are versions of rows that are shown with it: the tag is another when one
    of them changes. A change of the row itself is conditional on `version` alone.
    """
    response.headers["ETag"] = f'"{".".join(map(str, (version, *others)))}"'


def set_versions(response: Response, row: Versioned, *shown: Versioned | None) -> None:
    """Do so for a row, and the rows that are shown with it or are gone."""
    set_version(response, row.version, *(each.version if each else 0 for each in shown))


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
