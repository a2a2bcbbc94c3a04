"""A request is read up to a limit, strictly, and for what its route declares."""

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import ContextVar
from difflib import get_close_matches
from functools import cached_property, wraps
from http import HTTPStatus
from itertools import chain, islice
from random import SystemRandom
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyQuery
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema, from_json
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from app.platform.errors import DomainError

# More digits than this are far beyond any limit, and slow to read.
MAX_DIGITS = 18
# A client that is cut off while it sends never reads the refusal: let it send this
# much more into the void before the connection is closed.
LINGER_BYTES = 16 * 1024 * 1024
LINGER_SECONDS = 2.0
_AGAIN_MILLISECONDS = (1000, 4000)

_JSON = "application/json"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
CLOSE = {"Connection": "close"}
# What is wrong with a request that is well-formed: a list of its own for each.
refused: ContextVar[list[DomainError]] = ContextVar("refused")


def declared_length(headers: Mapping[bytes, bytes]) -> int:
    """Say how long the body is; 0 if that is not told beforehand."""
    declared = headers.get(b"content-length", b"")
    return int(declared[:MAX_DIGITS]) if declared.isdigit() else 0


def come_back() -> Message:
    """End a stream of events whose clients return, not all of them at once."""
    wait = b"retry: %d\n\n" % SystemRandom().randint(*_AGAIN_MILLISECONDS)
    return {"type": "http.response.body", "body": wait}


async def discard(receive: Receive) -> None:
    """Read the rest of a body, or at least some of it."""
    left = LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


class StrictRequest(Request):
    """A request whose JSON is refused where parsers disagree about its meaning."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


def parse_json(body: bytes) -> Any:
    """
    Parse, or raise a bad request.

    Refused are other encodings than UTF-8, NaN and infinities, numbers too long to
    read, halves of surrogate pairs, names that occur twice, and more than 200 levels.
    """
    try:
        # The one parser bounds depth, digits and encoding; the other sees names twice.
        from_json(body, allow_inf_nan=False)
        return _DECODER.decode(body.decode())
    except ValueError as error:
        raise HTTPException(
            HTTPStatus.BAD_REQUEST, f"The body is not valid JSON: {error}."
        ) from error


def refuse_other_media_types(request: Request, expected: str | None) -> None:
    """Refuse a body of another type than the route reads."""
    if expected not in (_JSON, *_FORMS) or not _has_body(request):
        return
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = given.startswith("application/") and given.endswith("+json")
    if given == expected or (expected == _JSON and is_json):
        return
    # A form without a file may be sent as one that has some.
    if expected in _FORMS and given == _FORMS[0]:
        return
    raise HTTPException(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body must be {expected}."
    )


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length")
    return length != "0" if length else "transfer-encoding" in request.headers


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return members


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite)


MAX_REFUSALS = 20
# No declared name is longer, and what is longer is slow to compare.
MAX_NAME = 64

type Refusal = dict[str, Any]


class Declared:
    """
    What a route reads of a query and of a body, JSON or form: it refuses the rest.

    A query or a body with a model that says itself which `extra` it takes stays open.
    """

    def __init__(self, route: Any) -> None:
        self._route = route

    async def refuse_the_rest(self, request: Request) -> None:
        """Name each parameter and member that is unknown, and the likely one."""
        if not getattr(request.app.state, "refuses_unknown", True):
            return
        # Where it was included, the route may have got further dependencies.
        included = request.scope.get("fastapi", {}).get("effective_route_context")
        self._route = included or self._route
        refusals = list(islice(self._strange_parameters(request), MAX_REFUSALS))
        if _has_body(request):
            refusals += await self._strange_fields(request)
            refusals += await self._strange_members(request)
        if refusals:
            raise RequestValidationError(refusals)

    def _strange_parameters(self, request: Request) -> Iterator[Refusal]:
        known = self._query
        if known is None:
            return
        for name in request.query_params:
            if name not in known:
                yield _refusal(("query", name), "parameter", known)

    async def _strange_fields(self, request: Request) -> list[Refusal]:
        known = self._form
        if known is None:
            return []
        form = await request.form()
        strange = (name for name in dict.fromkeys(form) if name not in known)
        first = islice(strange, MAX_REFUSALS)
        if refusals := [_refusal(("body", name), "field", known) for name in first]:
            await form.close()
        return refusals

    async def _strange_members(self, request: Request) -> list[Refusal]:
        if not (self._body and await request.body()):
            return []
        adapter, known = self._body
        body = await request.json()
        try:
            adapter.validate_python(body, extra="forbid")
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            paths = (e["loc"] for e in found if e["type"] == "extra_forbidden")
            first = islice(paths, MAX_REFUSALS)
            return [_refusal(("body", *path), "member", known) for path in first]
        return []

    @cached_property
    def _query(self) -> set[str] | None:
        """The names of all parameters, or None if any will do."""
        return _known(_parameters(self._route.dependant, "query_params"))

    @cached_property
    def _form(self) -> set[str] | None:
        """The names of all fields of a form, or None if it is none or open."""
        if self._media_type not in _FORMS:
            return None
        return _known(_parameters(self._route.dependant, "body_params"))

    @property
    def _media_type(self) -> str | None:
        info: Any = getattr(self._route.body_field, "field_info", None)
        return getattr(info, "media_type", None)

    @cached_property
    def _body(self) -> tuple[TypeAdapter[Any], set[str]] | None:
        """What reads the body, and the names of all its members."""
        if self._media_type != _JSON:
            return None
        annotation = self._route.body_field.field_info.annotation
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        known = _members(adapter)
        return None if known is None else (adapter, known)


def _parameters(dependant: Dependant, kind: str) -> Iterator[tuple[str, Any]]:
    """List the parameters of a kind that a route and its dependencies read."""
    if isinstance(dependant.call, APIKeyQuery) and kind == "query_params":
        yield dependant.call.model.name, str
    for field in getattr(dependant, kind):
        yield field.validation_alias or field.alias, field.field_info.annotation
    for each in dependant.dependencies:
        yield from _parameters(each, kind)


def _known(parameters: Iterable[tuple[str, Any]]) -> set[str] | None:
    """Name the parameters; None if one of them takes any name."""
    known: set[str] = set()
    for name, annotation in parameters:
        members = _members(TypeAdapter(annotation))
        if members is None:
            return None
        # A model stands for its fields.
        known |= members or {name}
    return known


def _members(adapter: TypeAdapter[Any]) -> set[str] | None:
    """Name the fields of all models in it; None if one of them takes any name."""
    found: list[type[BaseModel]] = []

    class Models(GenerateJsonSchema):
        def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
            found.append(schema["cls"])
            return super().model_schema(schema)

    adapter.json_schema(schema_generator=Models)
    if any(each.model_config.get("extra") in {"allow", "ignore"} for each in found):
        return None
    return set(chain.from_iterable(map(_names, found)))


def _names(model: type[BaseModel]) -> Iterator[str]:
    """List what the fields are called by those who fill them."""
    config = model.model_config
    by_name = config.get("validate_by_name") or config.get("populate_by_name")
    for name, field in model.model_fields.items():
        alias = field.validation_alias
        choices = [] if alias is None else getattr(alias, "choices", [alias])
        yield from (str(getattr(each, "path", [each])[0]) for each in choices)
        if by_name or not choices:
            yield name


def _refusal(path: tuple[str | int, ...], kind: str, known: set[str]) -> Refusal:
    likely = get_close_matches(str(path[-1])[:MAX_NAME], known, n=1)
    hint = f"; perhaps {likely[0]} is meant" if likely else ""
    return {"type": "unknown", "loc": path, "msg": f"There is no such {kind}{hint}."}


def refuse_if_valid(error: DomainError) -> None:
    """Raise it once path, query and body are valid: what is malformed is said first."""
    found = refused.get(None)
    if found is None:
        raise error
    found.append(error)


def judged(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Call the endpoint, of whatever kind, unless a dependency refuses."""

    @wraps(endpoint)
    def judged(*arguments: Any, **named: Any) -> Any:
        for refusal in refused.get():
            raise refusal
        return endpoint(*arguments, **named)

    return judged
