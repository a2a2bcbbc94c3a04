"""How a module's routes answer: strictly read, and seen once more before the commit."""

import re
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from functools import partial, wraps
from hashlib import blake2b
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response, WebSocket, status
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.platform.errors import DomainError
from app.platform.web.body import (
    Declared,
    StrictRequest,
    refuse_other_media_types,
)
from app.platform.web.exchange import exchange_of
from app.platform.web.policy import EVERYWHERE, Caching, Concurrency, Policy, Rate

__all__ = ["Caching", "Concurrency", "Policy", "Rate", "Router"]

type Hook = Callable[[Response], Awaitable[None]]

_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TAG = re.compile(r'(?:W/)?("[^"]*")')
_OF_THE_BODY = frozenset({"content-length", "content-type"})
_HOOKS = "app.before_commit"
# What is wrong with a request that is well-formed: a list of its own for each.
_refusals: ContextVar[list[DomainError]] = ContextVar("refusals")


class Answered(Exception):
    """Raised by a dependency that knows the response already."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Route(APIRoute):
    """A route of which its policy holds, and whose response is seen before a commit."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        policy: Policy = EVERYWHERE,
        **options: Any,
    ) -> None:
        self.policy = policy
        if policy.idempotency and not _LOOKS.issuperset(options["methods"] or _LOOKS):
            first = [policy.idempotency, *(options.get("dependencies") or ())]
            options["dependencies"] = first
        super().__init__(path, _judged(endpoint), **options)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await exchange_of(scope).admit(self.policy)
        await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        media_type = getattr(
            getattr(self.body_field, "field_info", None), "media_type", None
        )
        declared = Declared(self)

        async def answer(request: Request) -> Response:
            _refusals.set([])
            strict = StrictRequest(request.scope, request.receive)
            refuse_other_media_types(strict, media_type)
            await declared.refuse_the_rest(strict)
            try:
                response = await handle(strict)
            except Answered as answered:
                return answered.response
            for hook in request.scope.get(_HOOKS, ()):
                await hook(response)
            if self.policy.caching and response.status_code == status.HTTP_200_OK:
                _let_keep(response, self.policy.caching)
            return conditional(strict, response)

        return answer


class Router(APIRouter):
    """
    An `APIRouter` whose routes take a policy, and bear their functions' names.

    `Router(policy=...)` is for all of them; what a route's own says goes first.
    """

    def __init__(self, *, policy: Policy = EVERYWHERE, **options: Any) -> None:
        options.setdefault("generate_unique_id_function", _operation_id)
        super().__init__(**options)
        self.policy = policy

    def api_route[F: Callable[..., Any]](
        self, path: str, *, policy: Policy = EVERYWHERE, **options: Any
    ) -> Callable[[F], F]:
        def declare(endpoint: F) -> F:
            self.add_api_route(path, endpoint, policy=policy, **options)
            return endpoint

        return declare

    def add_api_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        policy: Policy = EVERYWHERE,
        **options: Any,
    ) -> None:
        route = partial(Route, policy=policy.over(self.policy))
        options["route_class_override"] = route
        super().add_api_route(path, endpoint, **options)

    def get[F: Callable[..., Any]](
        self, path: str, *, policy: Policy = EVERYWHERE, **options: Any
    ) -> Callable[[F], F]:
        return self.api_route(path, methods=["GET"], policy=policy, **options)

    def post[F: Callable[..., Any]](
        self, path: str, *, policy: Policy = EVERYWHERE, **options: Any
    ) -> Callable[[F], F]:
        return self.api_route(path, methods=["POST"], policy=policy, **options)

    def put[F: Callable[..., Any]](
        self, path: str, *, policy: Policy = EVERYWHERE, **options: Any
    ) -> Callable[[F], F]:
        return self.api_route(path, methods=["PUT"], policy=policy, **options)

    def patch[F: Callable[..., Any]](
        self, path: str, *, policy: Policy = EVERYWHERE, **options: Any
    ) -> Callable[[F], F]:
        return self.api_route(path, methods=["PATCH"], policy=policy, **options)

    def delete[F: Callable[..., Any]](
        self, path: str, *, policy: Policy = EVERYWHERE, **options: Any
    ) -> Callable[[F], F]:
        return self.api_route(path, methods=["DELETE"], policy=policy, **options)

    def websocket[F: Callable[..., Any]](
        self,
        path: str,
        name: str | None = None,
        *,
        policy: Policy = EVERYWHERE,
        **options: Any,
    ) -> Callable[[F], F]:
        effective = policy.over(self.policy)

        async def adopt(socket: WebSocket) -> None:
            await exchange_of(socket.scope).admit(effective)

        first = [Depends(adopt), *options.pop("dependencies", ())]
        return super().websocket(path, name, dependencies=first, **options)


def limit_unrouted(app: FastAPI) -> None:
    """Let the service's limits hold for what no route answers, too."""
    answer = app.router.default

    async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
        exchange_of(scope).adopt(EVERYWHERE)
        await answer(scope, receive, send)

    app.router.default = nowhere


def before_commit(request: Request, hook: Hook) -> None:
    """Show the finished response to a dependency while its transaction is open."""
    if not isinstance(request, StrictRequest):
        raise TypeError("This dependency needs a route of `Router`, not of APIRouter.")
    request.scope.setdefault(_HOOKS, []).append(hook)


def refuse_if_valid(error: DomainError) -> None:
    """Raise it once path, query and body are valid: what is malformed is said first."""
    found = _refusals.get(None)
    if found is None:
        raise error
    found.append(error)


def allowed_methods(scope: Scope) -> list[str]:
    """List what a path can be asked, whichever route answers (RFC 9110, 10.2.1)."""
    routes = scope["app"].router.routes
    found = [method for method in METHODS if _finds(routes, scope, method)]
    if "GET" in found and "HEAD" not in found:
        found.insert(found.index("GET") + 1, "HEAD")
    return found


def _finds(routes: list[Any], scope: Scope, method: str) -> bool:
    asked = {**scope, "method": method}
    return any(route.matches(asked)[0] is Match.FULL for route in routes)


def _judged(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Call the endpoint, of whatever kind, unless a dependency refuses."""

    @wraps(endpoint)
    def judged(*arguments: Any, **named: Any) -> Any:
        for refusal in _refusals.get():
            raise refusal
        return endpoint(*arguments, **named)

    return judged


def conditional(request: Request, response: Response) -> Response:
    """Tag what was read, and answer 304 if the client's copy has the same tag."""
    if (
        request.method not in {"GET", "HEAD"}
        or response.status_code != status.HTTP_200_OK
    ):
        return response
    tag = response.headers.get("etag") or _tag(response)
    if tag is None:
        return response
    response.headers["etag"] = tag
    if not _matches(request.headers.get("if-none-match"), tag):
        return response
    return _not_modified(response)


def _tag(response: Response) -> str | None:
    """Derive a strong tag from the bytes; None for a stream, which has none yet."""
    body = getattr(response, "body", None)
    if body is None:
        return None
    return f'"{blake2b(body, digest_size=16).hexdigest()}"'


def _matches(condition: str | None, tag: str) -> bool:
    if condition is None:
        return False
    opaque = tag.removeprefix("W/")
    return condition.strip() == "*" or opaque in _TAG.findall(condition)


def _not_modified(response: Response) -> Response:
    unchanged = Response(status_code=status.HTTP_304_NOT_MODIFIED)
    unchanged.raw_headers = [
        (name, value)
        for name, value in response.raw_headers
        if name.decode() not in _OF_THE_BODY
    ]
    return unchanged


def _let_keep(response: Response, caching: Caching) -> None:
    response.headers.setdefault("Cache-Control", caching.control)
    for name in caching.vary:
        response.headers.add_vary_header(name)


def _operation_id(route: APIRoute) -> str:
    return route.name
