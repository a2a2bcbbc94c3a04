"""The body of every response that is not a success."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json
from starlette.types import Scope

from app.platform.observability import context

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
