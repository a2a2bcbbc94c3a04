"""Which problem answers which exception."""

import socket
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from traceback import walk_tb
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import (
    RequestValidationError,
    ValidationException,
    WebSocketRequestValidationError,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException

from app.platform.database.postgresql import classify, code_of
from app.platform.errors import Conflict, DomainError, Invalid, Unavailable
from app.platform.web.problems import FieldProblem, describe, respond
from app.platform.web.routing import allowed_methods

MAX_ERRORS = 20
MAX_MESSAGE = 200
MAX_SEGMENT = 64

# Pydantic's words for these quote the input.
_WORDS = {
    "union_tag_invalid": "Input should have one of the expected tags",
    "uuid_parsing": "Input should be a valid UUID",
}


def field_problems(errors: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    """Describe the first errors; the client repairs those before it asks again."""
    return [_field_problem(error) for error in errors[:MAX_ERRORS]]


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    location, *segments = error["loc"] or ("body",)
    message = _WORDS.get(error["type"], error["msg"])
    return FieldProblem(
        location=str(location),
        pointer=_pointer(segments),
        message=message[:MAX_MESSAGE],
    )


def _pointer(segments: Iterable[str | int]) -> str:
    """Write a JSON pointer (RFC 6901) as a fragment."""
    escaped = (
        str(segment)[:MAX_SEGMENT].replace("~", "~0").replace("/", "~1")
        for segment in segments
    )
    return "#" + "".join(f"/{segment}" for segment in escaped)


log = structlog.get_logger(__name__)

UNREACHABLE = (PoolExhausted, ConnectionError, TimeoutError, socket.gaierror)
HANDLED = (*UNREACHABLE, DBAPIError, StaleDataError)


def translate(error: Exception) -> DomainError | None:
    """Name the refusal behind an error of the driver; None if it is a defect."""
    if isinstance(error, StaleDataError):
        return Conflict("It was changed by someone else at the same time.")
    failure, code = classify(error), code_of(error)
    if failure == "value":
        log.warning("database.value_refused", error=_name(error), code=code)
        return Invalid("A value is outside the range that can be stored.")
    if failure in {"passing", "locked"} or _is_out_of_reach(error):
        log.warning("database.unavailable", error=_name(error), code=code)
        return Unavailable("The database cannot answer at the moment.")
    return None


def _is_out_of_reach(error: Exception) -> bool:
    """What the system raises is passed on by the driver, and may be other code's."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    frames = walk_tb(error.__traceback__)
    names = (str(frame.f_globals.get("__name__")) for frame, _ in frames)
    driver = any(name.partition(".")[0] == "sqlalchemy" for name in names)
    return driver and isinstance(error, UNREACHABLE)


def _name(error: Exception) -> str:
    return type(getattr(error, "orig", None) or error).__name__


def install(app: FastAPI) -> None:
    """Answer every expected error; the rest is left to the outermost guard."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    for malformed in (RequestValidationError, WebSocketRequestValidationError):
        app.add_exception_handler(malformed, _on_validation_error)
    for error in HANDLED:
        app.add_exception_handler(error, _on_database_error)


async def _on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return describe(error, request.scope)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(allowed_methods(request.scope))
    if status < HTTPStatus.BAD_REQUEST:
        return Response(status_code=status, headers=headers)
    detail = status.description if error.detail == status.phrase else error.detail
    return respond(
        request.scope, status, detail=str(detail or status.phrase), headers=headers
    )


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationException)
    errors = error.errors()
    if any(item["type"] == "json_invalid" for item in errors):
        detail = "The body is not valid JSON."
        return respond(request.scope, HTTPStatus.BAD_REQUEST, detail=detail)
    fields = [field.model_dump() for field in field_problems(errors)]
    return respond(
        request.scope,
        HTTPStatus(422),
        type_="/problems/invalid-request",
        title="Invalid request",
        detail="The request has values that cannot be accepted.",
        members={"errors": fields},
    )


async def _on_database_error(request: Request, error: Exception) -> Response:
    refusal = translate(error)
    if refusal is None:
        raise error
    return describe(refusal, request.scope)
