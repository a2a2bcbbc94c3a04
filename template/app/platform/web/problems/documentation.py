"""The errors of an operation, as its documentation shows them."""

from typing import Any

from app.platform.errors import DomainError
from app.platform.web.problems.domain import name_of, sentence_of, status_of
from app.platform.web.problems.problem import MEDIA_TYPE

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
