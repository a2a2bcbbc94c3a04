"""A body is read up to a limit, and strictly."""

import asyncio
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import Request
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.types import Receive

# More digits than this are far beyond any limit, and slow to read.
MAX_DIGITS = 18
# A client that is cut off while it sends never reads the refusal: let it send this
# much more into the void before the connection is closed.
LINGER_BYTES = 16 * 1024 * 1024
LINGER_SECONDS = 2.0

_JSON = "application/json"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
CLOSE = {"Connection": "close"}


def declared_length(headers: Mapping[bytes, bytes]) -> int:
    """Say how long the body is; 0 if that is not told beforehand."""
    declared = headers.get(b"content-length", b"")
    return int(declared[:MAX_DIGITS]) if declared.isdigit() else 0


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
