"""Each kind of error, turned into a problem once, at the edge."""

from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from app.platform.errors import DomainError
from app.platform.web.problems import database, domain
from app.platform.web.problems.problem import respond
from app.platform.web.problems.validation import field_problems
from app.platform.web.routing import allowed_methods


def install(app: FastAPI) -> None:
    """Answer every expected error; the rest is left to the outermost guard."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    for error in database.HANDLED:
        app.add_exception_handler(error, _on_database_error)


async def _on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    return domain.describe(error, request.scope)


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
    assert isinstance(error, RequestValidationError)
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
    refusal = database.translate(error)
    if refusal is None:
        raise error
    return domain.describe(refusal, request.scope)
