"""The kinds of values that cross the boundary, each within what can be stored."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    HttpUrl,
    JsonValue,
    StringConstraints,
    TypeAdapter,
)
from pydantic_core import PydanticUndefined

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


class Partial(BaseModel):
    """
    A JSON merge patch (RFC 7396): what it leaves out stays as it is.

    `class TicketPatch(Partial, TicketDraft)` has every member of the draft. A null is
    for those that may be null.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        for field in cls.model_fields.values():
            # Unlike a default, this is not shown as something that a client may send.
            field.default, field.default_factory = PydanticUndefined, lambda: None
        cls.model_rebuild(force=True)

    def merged_into(self, row: object) -> dict[str, Any]:
        """Say what the row's attributes become: those that were sent, and no others."""
        sent = self.model_dump(exclude_unset=True)
        return {name: _merged(getattr(row, name), sent[name]) for name in sent}


def _merged(old: object, new: object) -> object:
    """Merge an object member by member; null removes one."""
    if not isinstance(new, dict):
        return new
    kept = old if isinstance(old, dict) else {}
    rest = {name: value for name, value in kept.items() if name not in new}
    sent = {name: value for name, value in new.items() if value is not None}
    return rest | {name: _merged(kept.get(name), sent[name]) for name in sent}


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
type Ids = Annotated[
    list[UUID],
    Field(max_length=100, description="In any order, each of them once."),
    AfterValidator(lambda ids: sorted({*ids})),
]
type Json = Annotated[
    dict[str, JsonValue],
    AfterValidator(_storable),
    Field(examples=[{"key": "value"}]),
]
