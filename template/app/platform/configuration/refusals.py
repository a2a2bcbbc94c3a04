"""Why a process does not start: one sentence for each setting, and no secret."""

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

# Sentences of ours; pydantic's say what the input should be, and get a colon.
OWN = {"unsafe", "value_error"}


def explain(error: ValidationError | SettingsError | None, *more: str) -> str:
    """List every refusal on a line of its own."""
    sentences = [f"{error}."] if isinstance(error, SettingsError) else []
    if isinstance(error, ValidationError):
        sentences = [_sentence(each) for each in error.errors(include_url=False)]
    return listed([*sentences, *more])


def listed(sentences: Iterable[str]) -> str:
    """Introduce the sentences with which a start is refused."""
    lines = "\n".join(f"  {sentence}" for sentence in sentences)
    return f"The service does not start; docs/settings.md explains each:\n{lines}"


def _sentence(detail: ErrorDetails) -> str:
    variable = "__".join(str(part) for part in detail["loc"]).upper()
    if detail["type"] == "missing":
        return f"{variable} is missing."
    message = detail["msg"].removeprefix("Value error, ")
    separator = " " if detail["type"] in OWN else ": "
    return f"{variable}{separator}{message}."
