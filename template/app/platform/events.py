"""Facts the domain announces once they are committed."""

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Something that has happened, named in the past tense."""

    # An error must not repeat a customer's value, for errors are logged.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class PublicChanged(Event):
    """What anybody may be shown has changed: caches elsewhere keep it by these keys."""

    keys: tuple[str, ...]
