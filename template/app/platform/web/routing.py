"""How a module's routes answer: strictly read, and seen once more before the commit."""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from copy import copy
from functools import partial
from typing import Any

from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    Request,
    Response,
    WebSocket,
    params,
    status,
)
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.platform.web.body import (
    Declared,
    StrictRequest,
    judged,
    refuse_other_media_types,
    refused,
)
from app.platform.web.conditional import conditional
from app.platform.web.exchange import exchange_of
from app.platform.web.plan import Planned
from app.platform.web.policy import (
    ADMIN,
    ANYBODY,
    AUTHENTICATED,
    EVERYWHERE,
    OWNER,
    Access,
    Caching,
    Concurrency,
    Policy,
    Rate,
)

__all__ = [
    "ADMIN",
    "ANYBODY",
    "AUTHENTICATED",
    "OWNER",
    "Access",
    "Caching",
    "Concurrency",
    "Policy",
    "Rate",
    "Router",
]

type Hook = Callable[[Response], Awaitable[None]]

_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HOOKS = "app.before_commit"


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
        super().__init__(path, judged(endpoint), **options)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await exchange_of(scope).admit(self.policy)
        await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = Planned(self, super().get_route_handler())
        media_type = getattr(
            getattr(self.body_field, "field_info", None), "media_type", None
        )
        declared = Declared(self)

        async def answer(request: Request) -> Response:
            refused.set([])
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

    `Router(policy=...)` is for all of them, also in routers that it includes: what
    a route's own says goes first, then its router's, then the including router's.
    """

    def __init__(self, *, policy: Policy = EVERYWHERE, **options: Any) -> None:
        options.setdefault("generate_unique_id_function", _operation_id)
        super().__init__(**options)
        self.policy = policy
        # How each route was declared: it is declared anew where others include it.
        self._declared: dict[int, Callable[[Router], None]] = {}
        self._is_copied = False

    def include_router(self, router: APIRouter, **options: Any) -> None:
        self._declare(lambda to: to.include_router(router, **options))
        included = router.under(self.policy) if isinstance(router, Router) else router
        super().include_router(included, **options)

    def _declare(self, again: Callable[["Router"], None]) -> None:
        if self._is_copied:
            raise RuntimeError("Declare all routes before their router is included.")
        self._declared[len(self.routes)] = again

    def under(self, policy: Policy) -> "Router":
        """Copy it with another's policy below its own; it may be included twice."""
        if policy == EVERYWHERE:
            return self
        copied = copy(self)
        merged = self.policy.over(policy)
        vars(copied).update(policy=merged, routes=[], _declared={}, _is_copied=False)
        for place, route in enumerate(self.routes):
            if place in self._declared:
                self._declared[place](copied)
            else:
                copied.routes.append(route)
        self._is_copied = True
        return copied

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
        self._declare(
            lambda to: to.add_api_route(path, endpoint, policy=policy, **options)
        )
        route: Any = partial(Route, policy=policy.over(self.policy))
        super().add_api_route(path, endpoint, **options, route_class_override=route)

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
        def declare(endpoint: F) -> F:
            self.add_api_websocket_route(path, endpoint, name, policy=policy, **options)
            return endpoint

        return declare

    def add_api_websocket_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        name: str | None = None,
        *,
        policy: Policy = EVERYWHERE,
        dependencies: Sequence[params.Depends] | None = None,
    ) -> None:
        again = partial(Router.add_api_websocket_route, policy=policy)
        self._declare(
            lambda to: again(to, path, endpoint, name, dependencies=dependencies)
        )
        effective = policy.over(self.policy)

        async def adopt(socket: WebSocket) -> None:
            await exchange_of(socket.scope).admit(effective)

        first = [Depends(adopt), *(dependencies or ())]
        super().add_api_websocket_route(path, endpoint, name, dependencies=first)
        vars(self.routes[-1]).update(policy=effective)


def limit_unrouted(app: FastAPI) -> None:
    """Let the service's limits hold for what no route answers, too."""
    answer = app.router.default

    async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
        exchange_of(scope).adopt(EVERYWHERE)
        await answer(scope, receive, send)

    app.router.default = nowhere


def routes_of(router: APIRouter) -> Iterator[Any]:
    """Walk the routes of a router, and those of what it includes."""
    for route in router.routes:
        included = getattr(route, "original_router", None)
        yield from [route] if included is None else routes_of(included)


def before_commit(request: Request, hook: Hook) -> None:
    """Show the finished response to a dependency while its transaction is open."""
    if not isinstance(request, StrictRequest):
        raise TypeError("This dependency needs a route of `Router`, not of APIRouter.")
    request.scope.setdefault(_HOOKS, []).append(hook)


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


def _let_keep(response: Response, caching: Caching) -> None:
    response.headers.setdefault("Cache-Control", caching.control)
    for name in caching.vary:
        response.headers.add_vary_header(name)


def _operation_id(route: APIRoute) -> str:
    return route.name
