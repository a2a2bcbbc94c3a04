"""A section of the settings, declared by the adapter that reads it, and its limits."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, ClassVar, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, Field, HttpUrl, field_validator, model_validator

UNITS = {"ms": 0.001, "hours": 3600, "days": 86_400}


class Limit:
    """
    What some variables, added up, must stay below, and what happens otherwise.

    Their names are those of the environment: `SECTION__FIELD`.
    """

    def __init__(self, *lower: str, below: str | tuple[str, ...], reason: str) -> None:
        self.lower = lower
        self.upper = (below,) if isinstance(below, str) else below
        self.reason = reason

    def is_kept(self, settings: object) -> bool:
        """Compare in seconds what may be given in several units."""
        lower, upper = (
            sum(_value(settings, name) * _unit(name) for name in names)
            for names in (self.lower, self.upper)
        )
        return lower < upper

    def refusal(self, settings: object) -> str:
        """Say it from behind the first variable's name on."""
        lower, upper = (
            f"{' + '.join(names)} "
            f"({' + '.join(f'{_value(settings, name):.9g}' for name in names)})"
            for names in (self.lower, self.upper)
        )
        sentence = f"{lower} must be below {upper}, or {self.reason}"
        return sentence.removeprefix(f"{self.lower[0]} ")


def _value(settings: object, name: str) -> float:
    return float(attrgetter(name.lower().replace("__", "."))(settings))


def _unit(name: str) -> float:
    return UNITS.get(name.lower().rpartition("_")[2], 1)


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

    @field_validator("*")
    @classmethod
    def _refuse_shown_passwords(cls, value: Any) -> Any:
        if isinstance(value, HttpUrl) and value.password:
            raise ValueError("would show its password: what has one is a SecretStr")
        return value

    @model_validator(mode="before")
    @classmethod
    def _read_choices(cls, values: Any) -> Any:
        return chosen(cls, values)


def chosen(model: type[BaseModel], values: Any) -> Any:
    """Spell each choice as its field does: `info` and `INFO` are the same word."""
    spelled = dict(values) if isinstance(values, dict) else {}
    for name in spelled.keys() & model.model_fields.keys():
        annotation = model.model_fields[name].annotation
        if get_origin(annotation) is Literal:
            words = {str(word).lower(): word for word in get_args(annotation)}
            spelled[name] = words.get(str(spelled[name]).lower(), spelled[name])
    return spelled or values
