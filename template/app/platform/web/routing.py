"""How a module's routes answer: strictly read, and seen once more before the commit."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Scope

from app.platform.web.body import StrictRequest, refuse_other_media_types
from app.platform.web.conditional import conditional

type Hook = Callable[[Response], Awaitable[None]]

_HOOKS = "app.before_commit"


class Answered(Exception):
    """Raised by a dependency that knows the response already."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Route(APIRoute):
    """A route whose finished response is seen while the unit of work is open."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        media_type = getattr(
            getattr(self.body_field, "field_info", None), "media_type", None
        )

        async def answer(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            refuse_other_media_types(strict, media_type)
            try:
                response = await handle(strict)
            except Answered as answered:
                return answered.response
            for hook in request.scope.get(_HOOKS, ()):
                await hook(response)
            return conditional(strict, response)

        return answer


class Router(APIRouter):
    """An `APIRouter` of such routes, whose operations bear their functions' names."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("route_class", Route)
        options.setdefault("generate_unique_id_function", _operation_id)
        super().__init__(**options)


def before_commit(request: Request, hook: Hook) -> None:
    """Show the finished response to a dependency while its transaction is open."""
    if not isinstance(request, StrictRequest):
        raise TypeError("This dependency needs a route of `Router`, not of APIRouter.")
    request.scope.setdefault(_HOOKS, []).append(hook)


def route_of(scope: Scope) -> str | None:
    """Find the route's full path as declared, with the names of its parameters."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    path: str | None = getattr(included or scope.get("route"), "path_format", None)
    return path


def _operation_id(route: APIRoute) -> str:
    return route.name
