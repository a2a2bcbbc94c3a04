"""What the domain's refusals mean over HTTP."""

import re
from http import HTTPStatus

from fastapi import Response
from starlette.types import Scope

from app.platform.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    Unavailable,
)
from app.platform.observability.redaction import redacted
from app.platform.web.problems.problem import respond

# The nearest kind decides; a bare DomainError is a bad request.
STATUSES: dict[type, HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Forbidden: HTTPStatus.FORBIDDEN,
    Invalid: HTTPStatus(422),
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    DomainError: HTTPStatus.BAD_REQUEST,
}


def status_of(error: type[DomainError]) -> HTTPStatus:
    return next(STATUSES[kind] for kind in error.__mro__ if kind in STATUSES)


def name_of(error: type[DomainError]) -> tuple[str, str]:
    """Derive the problem's type and title from the name of the class."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", error.__name__)
    return "/problems/" + "-".join(words).lower(), " ".join(words).capitalize()


def sentence_of(error: type[DomainError]) -> str:
    """What it means, which is the first line of the docstring."""
    return (error.__doc__ or "").strip().partition("\n")[0]


def describe(error: DomainError, scope: Scope) -> Response:
    type_, title = name_of(type(error))
    retry_after = getattr(error, "retry_after_seconds", None)
    return respond(
        scope,
        status_of(type(error)),
        type_=type_,
        title=title,
        detail=error.detail,
        headers={"Retry-After": str(retry_after)} if retry_after else None,
        members=redacted(error.context),
    )
