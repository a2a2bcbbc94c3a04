"""Which value of a request is wrong and why, without repeating the value."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.platform.web.problems.problem import FieldProblem

MAX_ERRORS = 20
MAX_MESSAGE = 200
MAX_SEGMENT = 64

# Pydantic's words for these quote the input.
_WORDS = {
    "union_tag_invalid": "Input should have one of the expected tags",
    "uuid_parsing": "Input should be a valid UUID",
}


def field_problems(errors: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    """Describe the first errors; the client repairs those before it asks again."""
    return [_field_problem(error) for error in errors[:MAX_ERRORS]]


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    location, *segments = error["loc"] or ("body",)
    message = _WORDS.get(error["type"], error["msg"])
    return FieldProblem(
        location=str(location),
        pointer=_pointer(segments),
        message=message[:MAX_MESSAGE],
    )


def _pointer(segments: Iterable[str | int]) -> str:
    """Write a JSON pointer (RFC 6901) as a fragment."""
    escaped = (
        str(segment)[:MAX_SEGMENT].replace("~", "~0").replace("/", "~1")
        for segment in segments
    )
    return "#" + "".join(f"/{segment}" for segment in escaped)
