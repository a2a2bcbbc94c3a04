"""Everything an application needs to speak HTTP the way this service does."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import FastAPI

from app.platform.web import edge, handlers, server
from app.platform.web.edge import WebSettings
from app.platform.web.problems import MAX_BYTES, FieldProblem, Problem, documented

_METHODS = frozenset({"get", "put", "post", "delete", "patch", "head", "options"})
_DEFAULTS = {
    "422": "A value of the request cannot be accepted.",
    "default": f"Any other error, at most {MAX_BYTES} bytes long.",
}
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")
_REF = "#/components/schemas/{model}"


def describe_problems(app: FastAPI) -> None:
    """Let the application describe its problems instead of FastAPI's errors."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        return app.openapi_schema or _with_problems(generate())

    app.openapi = openapi  # type: ignore[method-assign]


def _with_problems(description: dict[str, Any]) -> dict[str, Any]:
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    for model in (FieldProblem, Problem):
        schemas[model.__name__] = _schema(model)
    for operation in _operations(description):
        _document_errors(operation["responses"])
    return description


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


def install(
    app: FastAPI, settings: WebSettings, observers: Sequence[edge.Observer] = ()
) -> None:
    """
    Prepare the application. Call it once, before the first request.

    Observers, outermost first, see each request as it was answered in the end.
    """
    # A redirect would carry the caller's Host header back to it.
    app.router.redirect_slashes = False
    handlers.install(app)
    edge.install(app, settings, observers)
    describe_problems(app)
    app.include_router(server.router)
