"""A section of the settings, declared by the adapter that reads it."""

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

from pydantic import BaseModel, Field

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
