"""How a route is answered, found out once: what is called, when, and with what."""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, unwrap
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from fastapi import Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_body_to_args, request_params_to_args
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from pydantic import AliasChoices, AliasPath, Json
from pydantic_core import PydanticUndefined
from starlette.concurrency import run_in_threadpool

type Handler = Callable[[Request], Coroutine[Any, Any, Response]]
type Kind = Literal["awaited", "threaded", "opened"]

_JSON = "application/json"
_FAILED = object()
_PATH = attrgetter("path_params")
_QUERY = attrgetter("query_params")
_HEADERS = attrgetter("headers")
_COOKIES = attrgetter("cookies")
_PLAIN = (str, int, float, bool, UUID, date, datetime, Decimal, NoneType)
# What nobody can change, so that one default serves all; the last is that of none.
_CONSTANT = (str, int, float, bool, NoneType, type(PydanticUndefined))


@dataclass(slots=True)
class Step:
    """A function to call, the route's own the last."""

    dependant: Dependant
    call: Callable[..., Any]
    kind: Kind
    # For each dependency its step, and the parameter that takes its result if any does.
    inputs: list[tuple[str | None, int]]
    # Where FastAPI finds the values of which parameters, and if all are plain.
    sources: list[tuple[Callable[[Request], Any], Any, bool]] = field(init=False)

    def __post_init__(self) -> None:
        given = self.dependant
        found = (
            (_PATH, given.path_params),
            (_QUERY, given.query_params),
            (_HEADERS, given.header_params),
            (_COOKIES, given.cookie_params),
        )
        self.sources = [
            (source, fields, all(map(_is_plain, fields)))
            for source, fields in found
            if fields
        ]

    def read(
        self, request: Request, said: Response
    ) -> tuple[dict[str, Any], Sequence[Any]]:
        """Read what the request gives; what is wrong is in the words of FastAPI."""
        values: dict[str, Any] = {}
        wrong: list[Any] = []
        for source, fields, are_plain in self.sources:
            asked = source(request)
            if are_plain and (plain := _plain(fields, asked)) is not None:
                values |= plain
                continue
            read, errors = request_params_to_args(fields, asked)
            values |= read
            wrong += errors
        given = self.dependant
        if given.request_param_name:
            values[given.request_param_name] = request
        if given.response_param_name:
            values[given.response_param_name] = said
        return values, wrong

    async def run(self, values: dict[str, Any], stack: AsyncExitStack) -> Any:
        if self.kind == "awaited":
            return await self.call(**values)
        if self.kind == "threaded":
            return await run_in_threadpool(self.call, **values)
        return await stack.enter_async_context(self.call(**values))


def _is_plain(field: Any) -> bool:
    """Tell a parameter of one name and one value from all that FastAPI can read."""
    info = field.field_info
    several = get_origin(info.annotation) in {Union, UnionType}
    kinds = get_args(info.annotation) if several else [info.annotation]
    return (
        all(kind in _PLAIN for kind in kinds)
        and not field.config
        and not isinstance(info.validation_alias, AliasChoices | AliasPath)
        and not any(type(each) is Json for each in info.metadata)
        and not info.validate_default
        and info.default_factory is None
        and type(field.default) in _CONSTANT
    )


def _plain(fields: Sequence[Any], asked: Any) -> dict[str, Any] | None:
    """Read parameters that are as they should be; FastAPI says what is wrong."""
    values: dict[str, Any] = {}
    for each in fields:
        value, errors = asked.get(each.validation_alias or each.alias), ()
        if value is not None:
            value, errors = each.validate(value)
        elif each.field_info.is_required():
            return None
        else:
            value = each.default
        if errors:
            return None
        values[each.name] = value
    return values


class Plan:
    """Answers as FastAPI does, which looks for all that may be there each time."""

    def __init__(self, route: Any, steps: list[Step]) -> None:
        self._route = route
        self._steps = steps
        self._serialize = partial(
            route.response_field.serialize_json,
            include=route.response_model_include,
            exclude=route.response_model_exclude,
            by_alias=route.response_model_by_alias,
            exclude_unset=route.response_model_exclude_unset,
            exclude_defaults=route.response_model_exclude_defaults,
            exclude_none=route.response_model_exclude_none,
        )

    @property
    def is_overridden(self) -> bool:
        """Tell whether a test has put other dependencies in place."""
        provider = self._route.dependency_overrides_provider
        return bool(provider and provider.dependency_overrides)

    async def answer(self, request: Request) -> Response:
        body: Any = PydanticUndefined
        if self._route.body_field is not None and await request.body():
            body = await request.json()
        # What the route says of its response besides the content.
        said = Response()
        del said.headers["content-length"]
        said.status_code = None  # type: ignore[assignment]
        result = await self._call(request, said, body)
        if isinstance(result, Response):
            return result
        response = Response(
            self._content(result),
            said.status_code or self._route.status_code or 200,
            media_type=_JSON,
        )
        response.raw_headers += said.raw_headers
        return response

    async def _call(self, request: Request, said: Response, body: Any) -> Any:
        """Give the last step's result, or raise all that is wrong with the request."""
        stack: AsyncExitStack = request.scope["fastapi_function_astack"]
        wrong: list[Any] = []
        results: list[Any] = []
        for step in self._steps:
            values, errors = step.read(request, said)
            if step.dependant.body_params:
                read, misread = await request_body_to_args(
                    step.dependant.body_params,
                    body,
                    self._route._embed_body_fields,  # noqa: SLF001
                )
                values |= read
                errors = [*errors, *misread]
            wrong += errors
            for name, index in step.inputs:
                if results[index] is _FAILED:
                    errors = [_FAILED]
                elif name is not None:
                    values[name] = results[index]
            if errors or (wrong and step is self._steps[-1]):
                results.append(_FAILED)
            else:
                results.append(await step.run(values, stack))
        if wrong:
            raise RequestValidationError(wrong, body=body)
        return results[-1]

    def _content(self, result: Any) -> bytes:
        value, errors = self._route.response_field.validate(result, loc=("response",))
        if errors:
            raise ResponseValidationError(errors, body=result)
        content: bytes = self._serialize(value)
        return content


class Planned:
    """Answers by a plan, or leaves to FastAPI what is rare."""

    def __init__(self, route: Any, otherwise: Handler) -> None:
        self._route = route
        self._otherwise = otherwise
        self._plan: Plan | None = None
        self._is_planned = False

    async def __call__(self, request: Request) -> Response:
        if not self._is_planned:
            # Where it was included, the route may have got further dependencies.
            included = request.scope.get("fastapi", {}).get("effective_route_context")
            self._plan = plan_of(included or self._route)
            self._is_planned = True
        if self._plan is None or self._plan.is_overridden:
            return await self._otherwise(request)
        return await self._plan.answer(request)


def plan_of(route: Any) -> Plan | None:
    """Plan a route that reads JSON at most and answers in JSON, and no other."""
    info = getattr(route.body_field, "field_info", None)
    if getattr(info, "media_type", _JSON) != _JSON or not route.response_field:
        return None
    if not isinstance(route.response_class, DefaultPlaceholder):
        return None
    steps: list[Step] = []
    is_planned = _lay(route.dependant, steps, {})
    return Plan(route, steps) if is_planned is not None else None


def _lay(dependant: Dependant, steps: list[Step], laid: dict[Any, int]) -> int | None:
    """Lay the steps of a dependency, and say which its own is; none if it is rare."""
    key = dependant.call, dependant.scope
    if dependant.use_cache and key in laid:
        return laid[key]
    kind = _kind(dependant)
    inputs = [(each.name, _lay(each, steps, laid)) for each in dependant.dependencies]
    if kind is None or any(index is None for _, index in inputs):
        return None
    call: Any = dependant.call
    if kind == "opened":
        call = asynccontextmanager(call)
    known = [(name, index) for name, index in inputs if index is not None]
    steps.append(Step(dependant, call, kind, known))
    laid[key] = len(steps) - 1
    return laid[key]


def _kind(dependant: Dependant) -> Kind | None:
    rare = (
        dependant.own_oauth_scopes,
        dependant.parent_oauth_scopes,
        dependant.security_scopes_param_name,
        dependant.background_tasks_param_name,
        dependant.http_connection_param_name,
        dependant.websocket_param_name,
        dependant.concurrency,
    )
    call: Any = unwrap(dependant.call) if dependant.call else None
    # An object may be called as well as a function.
    asked = call, getattr(call, "__call__", None)  # noqa: B004
    if any(rare) or any(isgeneratorfunction(each) for each in asked):
        return None
    if any(isasyncgenfunction(each) for each in asked):
        return "opened" if dependant.scope == "function" else None
    return "awaited" if any(map(iscoroutinefunction, asked)) else "threaded"
