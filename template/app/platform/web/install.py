"""Everything an application needs to speak HTTP the way this service does."""

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from re import Pattern
from typing import Any

import fastapi_offline
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from app.platform.web import edge, handlers, problems, routing, server
from app.platform.web.edge import WebSettings
from app.platform.web.policy import ANYBODY, EVERYWHERE, Access, Gate, Guard
from app.platform.web.problems import own_path
from app.platform.web.routing import METHODS

# Only the package's files are used: FastAPI writes the pages.
ASSETS = Path(fastapi_offline.__file__).parent / "static"
_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; img-src 'self' data:; font-src data:; "
    "worker-src blob:; frame-ancestors 'none'"
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


@dataclass(slots=True)
class Way:
    """The way to a route, and what FastAPI says of it in the scope of a request."""

    path: Pattern[str] | None
    methods: set[str]
    convertors: dict[str, Any]
    route: Any
    said: dict[str, Any] | None = None

    def note(self, scope: Scope) -> None:
        if scope.get("route") is self.route:
            kept = ("router", "route", "endpoint", "fastapi")
            self.said = {name: scope[name] for name in kept if name in scope}

    def tell(self, scope: Scope, parts: dict[str, str]) -> None:
        scope.update(self.said or {})
        # One of its own: FastAPI notes there how far it has come.
        scope["fastapi"] = dict(scope.get("fastapi", ()))
        scope["path_params"] = {
            name: self.convertors[name].convert(part) for name, part in parts.items()
        }


class Ways:
    """
    Goes straight to a route, where FastAPI asks each router on the way, and all twice.

    It is FastAPI that finds each route for the first time, and what is none of them:
    another method of a path, a mount, nothing.
    """

    def __init__(self, router: APIRouter) -> None:
        self._router = router
        self._ask = router.middleware_stack
        self._ways: list[Way] = []
        self._known = -1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        way, parts = self._find(scope) if scope["type"] == "http" else (None, {})
        if way is None or way.said is None:
            try:
                await self._ask(scope, receive, send)
            finally:
                if way is not None:
                    way.note(scope)
            return
        way.tell(scope, parts)
        await way.route.handle(scope, receive, send)

    def _find(self, scope: Scope) -> tuple[Way | None, dict[str, str]]:
        """Find the first route that would answer, unless FastAPI has to see to it."""
        if self._known != len(self._router.routes):
            self._known = len(self._router.routes)
            self._ways = [*map(_way, iter_route_contexts(self._router.routes))]
        path = own_path(scope)
        for way in self._ways:
            match = way.path.match(path) if way.path else None
            if way.path is None or (match and not isinstance(way.route, APIRoute)):
                break
            if match and scope["method"] in way.methods:
                return way, match.groupdict()
        return None, {}


def _way(route: Any) -> Way:
    return Way(
        getattr(route, "path_regex", None),
        getattr(route, "methods", None) or set(),
        getattr(route, "param_convertors", {}),
        route.original_route,
    )


def secure(app: FastAPI, router: APIRouter, guard: Guard | None) -> None:
    """Let a guard stand before every route; one that says nothing ends the start."""
    if guard is None:
        return
    needs: dict[str, Access] = {}
    for route in routing.routes_of(router):
        policy = getattr(route, "policy", EVERYWHERE)
        if policy.access is None:
            raise SystemExit(
                f"The service does not start: {route.path} does not declare whom it "
                "lets in. Give it, or its Router, policy=Policy(access=...): "
                "docs/howto/routes.md."
            )
        if policy.access != ANYBODY and policy.caching and policy.caching.is_public:
            raise SystemExit(
                f"The service does not start: {route.path} lets in some, and may have "
                "no public caching: docs/howto/routes.md."
            )
        needs[getattr(route, "operation_id", None) or route.name] = policy.access
    app.state.terms.guard = guard
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            guard.describe(generate(), needs)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def install(
    app: FastAPI,
    settings: WebSettings,
    observers: Sequence[edge.Observer] = (),
    gates: Sequence[Gate] = (),
) -> None:
    """
    Prepare the application. Call it once, before the first request.

    Observers, outermost first, see each request as it was answered in the end. Gates
    are asked in their order before a route answers, and may refuse.
    """
    # A redirect would carry the caller's Host header back to it.
    app.router.redirect_slashes = False
    app.state.refuses_unknown = settings.refuse_unknown
    edge.install(app, settings, observers, gates)
    admit_origins(app, settings)
    handlers.install(app)
    problems.describe_problems(app, closed=settings.refuse_unknown)
    if app.openapi_url is not None:
        serve_documentation(app)
    routing.limit_unrouted(app)
    app.include_router(server.router)
    app.router.middleware_stack = Ways(app.router)
