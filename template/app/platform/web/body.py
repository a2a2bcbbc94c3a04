"""What counts as JSON: one value, in UTF-8, that means the same to every parser."""

import json
import math
from http import HTTPStatus
from typing import Any

from fastapi import Request
from pydantic_core import from_json
from starlette.exceptions import HTTPException


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
    if expected != "application/json" or not _has_body(request):
        return
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected and not _is_json_suffixed(given):
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body must be {expected}."
        )


def _is_json_suffixed(media_type: str) -> bool:
    return media_type.startswith("application/") and media_type.endswith("+json")


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
