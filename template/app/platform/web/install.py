"""Everything an application needs to speak HTTP the way this service does."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse

from app.platform.web import edge, handlers, server
from app.platform.web.body import BodyLimit
from app.platform.web.edge import WebSettings
from app.platform.web.problems import MAX_BYTES, FieldProblem, Problem, documented
from app.platform.web.routing import METHODS

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


# Only the package's files are used: FastAPI writes the pages.
ASSETS = Path(fastapi_offline.__file__).parent / "static"
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src data:; worker-src blob:; frame-ancestors 'none'"
)


def serve_documentation(app: FastAPI) -> None:
    """Serve /docs and /redoc with their scripts, for whom the internet is far away."""
    app.mount("/docs/assets", StaticFiles(directory=ASSETS))

    def docs(url: Callable[[str], str]) -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=url("/openapi.json"),
            title=app.title,
            swagger_js_url=url("/docs/assets/swagger-ui-bundle.js"),
            swagger_css_url=url("/docs/assets/swagger-ui.css"),
            swagger_favicon_url=url("/docs/assets/favicon.png"),
        )

    def redoc(url: Callable[[str], str]) -> HTMLResponse:
        return get_redoc_html(
            openapi_url=url("/openapi.json"),
            title=app.title,
            redoc_js_url=url("/docs/assets/redoc.standalone.js"),
            redoc_favicon_url=url("/docs/assets/favicon.png"),
            with_google_fonts=False,
        )

    for page in (docs, redoc):
        app.add_route(f"/{page.__name__}", _confined(page), include_in_schema=False)


def _confined(
    page: Callable[[Callable[[str], str]], HTMLResponse],
) -> Callable[[Request], Any]:
    """Let it run its own script and those of this service, and no other."""

    async def show(request: Request) -> HTMLResponse:
        response = page(lambda path: request.scope.get("root_path", "") + path)
        digests = [sha256(each).digest() for each in _SCRIPT.findall(response.body)]
        hashes = " ".join(f"'sha256-{b64encode(each).decode()}'" for each in digests)
        policy = _POLICY.format(hashes=hashes)
        response.headers["Content-Security-Policy"] = policy
        return response

    return show


# What a page of another origin may read of an answer, besides what is always shown.
EXPOSED = ("ETag", "Link", "Location", "Retry-After", "X-Request-ID")


def admit_origins(app: FastAPI, settings: WebSettings) -> None:
    """Let pages of other origins ask; the browser's own question is answered first."""
    origins = [each.strip() for each in settings.cors_origins.split(",") if each]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=["*"],
            allow_credentials=settings.cors_credentials,
            expose_headers=EXPOSED,
        )


def wrap(
    app: FastAPI, settings: WebSettings, observers: Sequence[edge.Observer]
) -> None:
    """Wrap the application; each middleware speaks plain ASGI, which costs little."""
    # The one added last is the outermost.
    app.add_middleware(BodyLimit, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(edge.Deadline, seconds=settings.deadline_seconds)
    app.add_middleware(edge.Guard)
    app.add_middleware(edge.Head)
    app.add_middleware(
        edge.ResponseHeaders, strict_transport_seconds=settings.strict_transport_seconds
    )
    app.add_middleware(edge.AccessLog)
    for observer in reversed(observers):
        app.add_middleware(observer)
    app.add_middleware(edge.RequestContext, root_path=settings.root_path)


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
    app.state.refuses_unknown = settings.refuse_unknown
    wrap(app, settings, observers)
    admit_origins(app, settings)
    describe_problems(app)
    serve_documentation(app)
    app.include_router(server.router)
