"""Facts the domain announces once they are committed."""

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Something that has happened, named in the past tense."""

    model_config = ConfigDict(frozen=True)
