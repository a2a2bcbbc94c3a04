"""A section of the settings, declared by the adapter that reads it."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, Field, model_validator

from app.platform.configuration.limits import Limit

# A section that the environment leaves out is checked all the same, so that start-up
# names the very variable that is missing.
SECTION: Any = Field(default={}, validate_default=True)


class Refusal(NamedTuple):
    """Which setting would do harm outside development: a sentence, from its name on."""

    name: str
    reason: str


class Section(BaseModel, frozen=True, use_attribute_docstrings=True):
    """Its variables are named `SECTION__FIELD`; the text below a field documents it."""

    limits: ClassVar[tuple[Limit, ...]] = ()
    """Which of these, and of other sections, must stay below which."""

    def unsafe(self) -> Iterator[Refusal]:
        """Name what would do harm in staging and production."""
        yield from ()

    @model_validator(mode="before")
    @classmethod
    def _read_choices(cls, values: Any) -> Any:
        return chosen(cls, values)


def chosen(model: type[BaseModel], values: Any) -> Any:
    """Spell each choice as its field does: `info` and `INFO` are the same word."""
    if not isinstance(values, dict):
        return values
    return {name: _chosen(model, name, value) for name, value in values.items()}


def _chosen(model: type[BaseModel], name: str, value: Any) -> Any:
    field = model.model_fields.get(name)
    if field is None or get_origin(field.annotation) is not Literal:
        return value
    words = {str(word).lower(): word for word in get_args(field.annotation)}
    return words.get(str(value).lower(), value)
