"""How a module's routes answer: strictly read, and seen once more before the commit."""

import re
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from functools import wraps
from hashlib import blake2b
from inspect import iscoroutinefunction
from typing import Any

from fastapi import APIRouter, Request, Response, status
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from app.platform.errors import DomainError
from app.platform.web.body import (
    Declared,
    StrictRequest,
    refuse_other_media_types,
)

type Hook = Callable[[Response], Awaitable[None]]

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
    """A route whose finished response is seen while the unit of work is open."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _judged(endpoint), **options)

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
    """Call the endpoint unless a dependency has found a reason not to."""

    @wraps(endpoint)
    async def judged(*arguments: Any, **named: Any) -> Any:
        _raise_first()
        return await endpoint(*arguments, **named)

    @wraps(endpoint)
    def judged_on_a_thread(*arguments: Any, **named: Any) -> Any:
        _raise_first()
        return endpoint(*arguments, **named)

    return judged if iscoroutinefunction(endpoint) else judged_on_a_thread


def _raise_first() -> None:
    for refusal in _refusals.get():
        raise refusal


def own_path(scope: Scope) -> str:
    """Leave out the prefix under which a gateway publishes the service."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def route_of(scope: Scope) -> str | None:
    """Find the route's full path as declared, with the names of its parameters."""
    included = scope.get("fastapi", {}).get("effective_route_context")
    path: str | None = getattr(included or scope.get("route"), "path_format", None)
    return path


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


def _operation_id(route: APIRoute) -> str:
    return route.name
