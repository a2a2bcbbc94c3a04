"""What every process reads once at start, or does not start."""

from collections.abc import Iterable
from typing import Any, Literal, Self

from pydantic import (
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from app.platform.configuration.refusals import explain
from app.platform.configuration.section import Refusal, Section


class ServiceSettings(BaseSettings):
    """The frame of the sections: it reads `SECTION__FIELD` and collects refusals."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_nested_delimiter="__",
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
        try:
            return cls()
        except (ValidationError, SettingsError) as error:
            raise SystemExit(explain(error)) from None

    @field_validator("*")
    @classmethod
    def _refuse_the_unsafe(cls, value: Any, info: ValidationInfo) -> Any:
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
