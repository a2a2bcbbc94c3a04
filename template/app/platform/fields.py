"""The kinds of values that cross the boundary, each within what can be stored."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    HttpUrl,
    JsonValue,
    StringConstraints,
    TypeAdapter,
)

_URL = TypeAdapter(HttpUrl)


def _url(text: str) -> str:
    _URL.validate_python(text)
    return text


type Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+$", max_length=254),
    Field(examples=["ada@example.com"]),
]
# Kept as it was written: a parser's spelling need not be the client's.
type Url = Annotated[
    str,
    StringConstraints(max_length=2000),
    AfterValidator(_url),
    Field(examples=["https://example.com/page"]),
]
type Text = Annotated[str, StringConstraints(max_length=20_000)]
type Integer = Annotated[int, Field(ge=-(2**63), le=2**63 - 1, examples=[7])]
type Minor = Annotated[
    int,
    Field(ge=0, le=10**12, description="In minor units: cents.", examples=[49900]),
]
type Currency = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{3}$"), Field(examples=["EUR"])
]
# Its offset may carry the first and the last day of the calendar out of it.
type Instant = Annotated[
    AwareDatetime,
    Field(
        ge=datetime(1, 1, 2, tzinfo=UTC),
        le=datetime(9999, 12, 30, tzinfo=UTC),
        examples=["2030-01-31T12:00:00Z"],
    ),
]
type Json = Annotated[dict[str, JsonValue], Field(examples=[{"key": "value"}])]
