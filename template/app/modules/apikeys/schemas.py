"""API keys, as they cross the boundary."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.platform.observability.context import OPAQUE

type Scope = Annotated[
    str, StringConstraints(pattern=f"^{OPAQUE.pattern}$", max_length=100)
]
type Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
LONGEST_DAYS = 366


class ApiKeyDraft(BaseModel):
    """What a client sends to get a key."""

    name: Annotated[Name, Field(examples=["billing, nightly"])]
    scopes: Annotated[list[Scope], Field(max_length=9, examples=[["reports"]])] = []
    days: int = Field(90, ge=1, le=LONGEST_DAYS, description="How long it is good.")


class Rotation(BaseModel):
    """How long the old key stays good beside the new one."""

    overlap_hours: int = Field(24, ge=0, le=168)


class ApiKeyRead(BaseModel):
    """What is known of a key: not the key."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    prefix: str
    scopes: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class ApiKeyMade(ApiKeyRead):
    """A new key, shown this once."""

    key: str


class ApiKeyList(BaseModel):
    items: list[ApiKeyRead]
