"""What every process reads once at start, or does not start."""

import os
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError, field_validator, model_validator
from pydantic import ValidationInfo as Info
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from app.platform.configuration.section import Refusal, Section, chosen

# Sentences of ours; pydantic's say what the input should be, and get a colon.
OWN = {"unsafe", "value_error"}


def explain(error: ValidationError | SettingsError, *more: str) -> str:
    """List every refusal on a line of its own."""
    sentences = [f"{error}."]
    if isinstance(error, ValidationError):
        sentences = sentences_of(error)
    return listed([*sentences, *more])


def listed(sentences: Iterable[str]) -> str:
    """Introduce the sentences with which a start is refused."""
    lines = "\n".join(f"  {sentence}" for sentence in sentences)
    return f"The service does not start; docs/settings.md explains each:\n{lines}"


def sentences_of(error: ValidationError) -> list[str]:
    """Say of each variable what is wrong with it, and none of its values."""
    return [_sentence(each) for each in error.errors(include_url=False)]


def _sentence(detail: ErrorDetails) -> str:
    variable = "__".join(str(part) for part in detail["loc"]).upper()
    if detail["type"] == "missing":
        return f"{variable} is missing."
    message = detail["msg"].removeprefix("Value error, ")
    separator = " " if detail["type"] in OWN else ": "
    return f"{variable}{separator}{message}."


FOLDER = Path(__file__).parents[3]
BETWEEN = "__"
# So alike that one must be a slip of the other; and alike enough to be worth a word.
SAME, ALIKE = 0.85, 0.6


def variables() -> dict[str, str]:
    """
    Give the environment and, for what it leaves out, `.env` in the service's folder.

    `SERVICE_ENV_FILE` names another file, or none when it is empty. A variable that is
    empty counts as absent.
    """
    named = os.environ.get("SERVICE_ENV_FILE", ".env")
    kept = dotenv_values(FOLDER / named, encoding="utf-8") if named else {}
    everything = {**kept, **os.environ}
    return {name: value for name, value in everything.items() if value}


class ServiceSettings(BaseSettings):
    """The frame of the sections: it reads `SECTION__FIELD` and collects refusals."""

    model_config = SettingsConfigDict(
        env_nested_delimiter=BETWEEN,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    environment: Literal["development", "staging", "production"] = "development"
    """Where this runs. The latter two refuse what would do harm there."""

    @classmethod
    def load(cls) -> Self:
        """Read the environment; end the process with all that is wrong with it."""
        misspelt, unknown = _misnamed(cls, variables())
        try:
            settings = cls()
        except (ValidationError, SettingsError) as error:
            raise SystemExit(explain(error, *misspelt, *unknown)) from None
        if misspelt:
            raise SystemExit(listed([*misspelt, *unknown]))
        for sentence in unknown:
            print(sentence, file=sys.stderr, flush=True)
        return settings

    @classmethod
    def reads(cls, variable: str) -> bool:
        """Tell whether a variable could be meant for these settings."""
        section, nested, _ = variable.lower().partition(BETWEEN)
        return section in (_sections(cls) if nested else cls.model_fields)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: Any,
        **__: Any,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Variables(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _read_choices(cls, values: Any) -> Any:
        return chosen(cls, values)

    @field_validator("*")
    @classmethod
    def _refuse_the_unsafe(cls, value: Any, info: Info) -> Any:
        # Without a valid environment, what is unsafe cannot be said yet.
        deployed = info.data.get("environment", "development") != "development"
        if deployed and isinstance(value, Section):
            _refuse(value.unsafe())
        return value

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        sections = (value for _, value in self if isinstance(value, Section))
        limits = (limit for section in sections for limit in section.limits)
        broken = [limit for limit in limits if not limit.is_kept(self)]
        _refuse(Refusal(each.lower[0], each.refusal(self)) for each in broken)
        return self


def _refuse(refusals: Iterable[Refusal]) -> None:
    details = [
        InitErrorDetails(
            type=PydanticCustomError("unsafe", "{reason}", {"reason": reason}),
            loc=(name,),
            input=None,
        )
        for name, reason in refusals
    ]
    if details:
        raise ValidationError.from_exception_data("unsafe", details)


class _Variables(EnvSettingsSource):
    """
    Reads `SECTION__FIELD`, never a section as a whole.

    `MAIL`, `WEB` or `CACHE` belong to whoever logged in.
    """

    def __init__(self, settings: type[BaseSettings]) -> None:
        super().__init__(settings)
        sections = _sections(settings)
        self.env_vars = {
            name.lower(): value
            for name, value in variables().items()
            if name.lower() not in sections
        }


def _sections(settings: type[BaseModel]) -> dict[str, type[Section]]:
    return {
        name: field.annotation
        for name, field in settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }


def _misnamed(
    settings: type[BaseModel], given: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """
    Say which variables are slips of known ones, and which mean nothing here.

    The latter may be meant for a version before or after this one, which must start.
    """
    sections = _sections(settings)
    known = {
        f"{name}{BETWEEN}{field}".upper(): name
        for name, section in sections.items()
        for field in section.model_fields
    }
    misspelt, unknown = [], []
    for variable in given:
        if BETWEEN not in variable.strip("_") or variable.upper() in known:
            continue
        section = variable.lower().partition(BETWEEN)[0]
        own = [name for name in known if known[name] == section]
        if own and (meant := _closest(variable, own, SAME)):
            misspelt.append(f"{variable} is no setting: {meant} is.")
        elif meant := _closest(variable, own or list(known), ALIKE if own else SAME):
            unknown.append(f"{variable} is no setting; perhaps {meant} is meant.")
        elif own:
            unknown.append(f"{variable} is no setting of this version.")
    return misspelt, unknown


def _closest(variable: str, names: list[str], likeness: float) -> str | None:
    found = get_close_matches(variable.upper(), names, n=1, cutoff=likeness)
    return found[0] if found else None
