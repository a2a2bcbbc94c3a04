"""Errors as problem details (RFC 9457), and how a route documents them."""

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.types import Scope

from app.platform.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from app.platform.observability import context
from app.platform.observability.logging import redacted

# Asked every few seconds, they say nothing as long as all is well.
PROBES = frozenset({"/livez", "/readyz"})
MEDIA_TYPE = "application/problem+json"
# An error never amplifies what the client sent.
MAX_BYTES = 8 * 1024
MAX_TEXT = 512


class FieldProblem(BaseModel):
    """What is wrong with one value of the request."""

    location: str = Field(examples=["body"])
    pointer: str = Field(examples=["#/quantity"])
    message: str = Field(examples=["Input should be greater than 0"])


class Problem(BaseModel):
    """Problem details (RFC 9457). A problem may have further members of its own."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no such thing."])
    instance: str = Field(examples=["/v1/things/1"])
    request_id: str | None = Field(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])
    errors: list[FieldProblem] | None = None


def respond(
    scope: Scope,
    status: HTTPStatus,
    *,
    detail: str,
    type_: str = "about:blank",
    title: str | None = None,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """Build the response. Members beyond the size limit are left out."""
    required = {
        "type": type_,
        "title": title or status.phrase,
        "status": status.value,
        "detail": detail[:MAX_TEXT],
        "instance": _instance(scope),
        "request_id": context.request_id(),
    }
    body = _encode(dict(members or {}) | required)
    if len(body) > MAX_BYTES:
        body = _encode(required)
    no_store = {"Cache-Control": "no-store"}
    return Response(body, status.value, no_store | dict(headers or {}), MEDIA_TYPE)


def _instance(scope: Scope) -> str:
    return quote(scope["path"][:MAX_TEXT], errors="replace")[:MAX_TEXT]


def _encode(members: Mapping[str, Any]) -> bytes:
    try:
        return to_json(members, serialize_unknown=True, inf_nan_mode="null")
    except ValueError:
        # Half of a surrogate pair has no UTF-8: spell it as JSON's escape.
        return json.dumps(members, default=str, skipkeys=True).encode()


# The nearest kind decides; a bare DomainError is a bad request.
STATUSES: dict[type, HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Invalid: HTTPStatus(422),
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    PreconditionRequired: HTTPStatus.PRECONDITION_REQUIRED,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
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
    return respond(
        scope,
        status_of(type(error)),
        type_=type_,
        title=title,
        detail=error.detail,
        headers=_headers_of(error),
        members=redacted(error.context),
    )


def _headers_of(error: DomainError) -> dict[str, str]:
    headers = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = error.scheme
    if retry_after := getattr(error, "retry_after_seconds", None):
        headers["Retry-After"] = str(retry_after)
    return headers


SCHEMA = {"$ref": "#/components/schemas/Problem"}

type Responses = dict[int | str, dict[str, Any]]


def problems(*errors: type[DomainError]) -> Responses:
    """Document the errors of an operation: `responses=problems(NotFound)`."""
    responses: Responses = {}
    for error in errors:
        entry = responses.setdefault(status_of(error).value, documented(""))
        entry["description"] = f"{entry['description']} {sentence_of(error)}".strip()
        type_, _ = name_of(error)
        examples = entry["content"][MEDIA_TYPE].setdefault("examples", {})
        examples[type_.rpartition("/")[2]] = {"value": _example(error)}
    return responses


def documented(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": SCHEMA}}}


def _example(error: type[DomainError]) -> dict[str, Any]:
    type_, title = name_of(error)
    return {
        "type": type_,
        "title": title,
        "status": status_of(error).value,
        "detail": sentence_of(error),
        "instance": "/v1/...",
        "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }


_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
_DEFAULTS = {
    "422": "A value of the request cannot be accepted.",
    "default": f"Any other error, at most {MAX_BYTES} bytes long.",
}
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")
_REF = "#/components/schemas/{model}"
# Where a schema, or a list of them, stands in another.
_HOLDERS = ("schema", "items", "anyOf", "oneOf", "allOf")


def describe_problems(app: FastAPI, *, closed: bool) -> None:
    """
    Let the application describe its problems instead of FastAPI's errors.

    `closed` says that a body with members that nobody reads is refused.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        return app.openapi_schema or _with_problems(generate(), closed=closed)

    app.openapi = openapi  # type: ignore[method-assign]


def _with_problems(description: dict[str, Any], *, closed: bool) -> dict[str, Any]:
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    for model in (FieldProblem, Problem):
        schemas[model.__name__] = _schema(model)
    for operation in _operations(description):
        _document_errors(operation["responses"])
        if closed:
            body = operation.get("requestBody", {})
            _close(list(body.get("content", {}).values()), schemas)
    return description


def _close(part: Any, schemas: dict[str, Any]) -> None:
    """Say of each object in a request that it has no other members: see `body`."""
    if isinstance(part, list):
        for each in part:
            _close(each, schemas)
    if not isinstance(part, dict):
        return
    if "properties" in part and "additionalProperties" not in part:
        part["additionalProperties"] = False
        _close(list(part["properties"].values()), schemas)
    elif "$ref" in part:
        _close(schemas.get(part["$ref"].rpartition("/")[2]), schemas)
    else:
        _close([part[key] for key in _HOLDERS if key in part], schemas)


def _operations(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in description.get("paths", {}).values():
        yield from (path[method] for method in _METHODS & path.keys())


def _document_errors(responses: dict[str, Any]) -> None:
    if "application/json" in responses.get("422", {}).get("content", {}):
        responses["422"] = documented(_DEFAULTS["422"])
    responses.setdefault("default", documented(_DEFAULTS["default"]))


def _schema(model: type[Problem | FieldProblem]) -> dict[str, Any]:
    schema = model.model_json_schema(mode="serialization", ref_template=_REF)
    schema.pop("$defs", None)
    return schema


def own_path(scope: Scope) -> str:
    """Leave out the prefix under which a gateway publishes the service."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def route_of(scope: Scope) -> str | None:
    """Find the route's full path as declared, with the names of its parameters."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    # A WebSocket's route is made anew where its router is included.
    included = getattr(included, "starlette_route", None) or included
    path: str | None = getattr(included or scope.get("route"), "path_format", None)
    return path
