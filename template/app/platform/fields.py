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
_CONTROL = r"\x00-\x1f\x7f-\x9f"
_ADDRESS = rf"^[^@\s<>{_CONTROL}]+@[^@\s<>{_CONTROL}]+\.[^@\s<>{_CONTROL}]+$"
# PostgreSQL stores no NUL.
_STORABLE = r"^[^\x00]*$"
# Spaces and marks of no width are seen only beside something else.
_VISIBLE = (
    rf"^[^{_CONTROL}]*[^\s{_CONTROL}\u00ad\u200b-\u200f\u2060\ufeff][^{_CONTROL}]*$"
)


def _url(text: str) -> str:
    _URL.validate_python(text)
    return text


def _lower(text: str) -> str:
    # A few letters become two in lower case, which could exceed the column.
    return "".join(low if len(low := each.lower()) == 1 else each for each in text)


def _storable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    rest: list[object] = [value]
    while rest:
        match rest.pop():
            case dict() as found:
                rest += [*found, *found.values()]
            case list() as found:
                rest += found
            case str() as found if "\0" in found:
                raise ValueError("No text in it may contain the character NUL.")
    return value


def line(max_length: int) -> StringConstraints:
    """Take one line that can be seen: without control characters, not blank."""
    return StringConstraints(
        strip_whitespace=True, min_length=1, max_length=max_length, pattern=_VISIBLE
    )


# ADA@example.com and ada@example.com are one address: it is kept in lower case.
type Email = Annotated[
    str,
    StringConstraints(pattern=_ADDRESS, max_length=254),
    AfterValidator(_lower),
    Field(examples=["ada@example.com"]),
]
# Kept as it was written: a parser's spelling need not be the client's.
type Url = Annotated[
    str,
    StringConstraints(pattern=_STORABLE, max_length=2000),
    AfterValidator(_url),
    Field(examples=["https://example.com/page"]),
]
type Text = Annotated[str, StringConstraints(pattern=_STORABLE, max_length=20_000)]
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
type Json = Annotated[
    dict[str, JsonValue],
    AfterValidator(_storable),
    Field(examples=[{"key": "value"}]),
]
