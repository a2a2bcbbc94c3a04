"""A section of the settings: what its adapter declares, and the table of it all."""

from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, get_args, get_origin

from anyio import to_thread
from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

UNITS = {"ms": 0.001, "hours": 3600, "days": 86_400}
HEADING = """\
| Variable | Unit or kind | Default | Read by | What it is |
|---|---|---|---|---|
"""
NAMED_UNITS = ("seconds", "hours", "days", "bytes", "ms")
KINDS = {int: "number", float: "number", str: "text", bool: "true or false"}
BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


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


def renew(secret: SecretStr) -> bool:
    """Have a secret that was refused read anew; tell whether it may be another now."""
    again: Callable[[], bool] | None = getattr(secret, "renew", None)
    # What the environment says stays as it is.
    return again is not None and again()


async def renewed(secret: SecretStr) -> bool:
    return await to_thread.run_sync(renew, secret, abandon_on_cancel=True)


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


def describe(settings: type[BaseModel]) -> str:
    """Write the table of all settings of a service."""
    return HEADING + "".join(f"| {' | '.join(row)} |\n" for row in _rows(settings, ""))


def rewrite(page: Path, settings: type[BaseModel]) -> None:
    """Put the table in the place of the one with which the page ends."""
    text, _, _ = page.read_text(encoding="utf-8").partition(HEADING)
    page.write_text(text + describe(settings), encoding="utf-8")


def _rows(owner: type[BaseModel], prefix: str) -> Iterator[tuple[str, ...]]:
    for name, field in owner.model_fields.items():
        variable = f"{prefix}{name}".upper()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from _rows(field.annotation, f"{variable}__")
        else:
            reader = _declaring(owner, name).__module__.replace(".", "/")
            yield (
                f"`{variable}`",
                ", ".join((_kind(name, field), *_bounds(field))),
                _default(field),
                f"`{reader}.py`",
                " ".join((field.description or "").split()),
            )


def _declaring(owner: type[BaseModel], name: str) -> type:
    declared = {each: getattr(each, "__annotations__", {}) for each in owner.__mro__}
    return next(each for each in reversed(declared) if name in declared[each])


def _kind(name: str, field: FieldInfo) -> str:
    unit = name.rpartition("_")[2]
    if unit in NAMED_UNITS:
        return unit
    [kind, *_] = _alternatives(field.annotation)
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    if kind is SecretStr:
        return "secret URL" if unit == "url" else "secret"
    return "URL" if kind is HttpUrl else KINDS.get(kind, "text")


def _alternatives(annotation: Any) -> list[Any]:
    """The types of a value that is given: `None` says that it is not."""
    if get_origin(annotation) is Literal:
        return [annotation]
    named = getattr(annotation, "__value__", annotation)
    kinds = [kind for kind in get_args(named) if kind is not type(None)]
    return _alternatives(kinds[0]) if kinds else [named]


def _bounds(field: FieldInfo) -> Iterator[str]:
    for bound in field.metadata:
        for attribute, sign in BOUNDS.items():
            if hasattr(bound, attribute):
                yield f"{sign} {getattr(bound, attribute)}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "none" if value is None else f"`{value}`"
