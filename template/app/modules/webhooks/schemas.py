"""Subscriptions and deliveries, as they cross the boundary."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.platform.fields import Email, Instant, Url, line

type EventName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", max_length=100),
    Field(examples=["order.placed.v1"]),
]
type EventNames = Annotated[
    list[EventName],
    Field(max_length=100, description="None at all: it is only pinged."),
    AfterValidator(lambda names: sorted({*names})),
]
type Description = Annotated[str, line(200)]
type Status = Literal["pending", "delivered", "failed"]


class PublishedRead(BaseModel):
    """An event that can be subscribed to."""

    name: EventName
    description: str
    payload: dict[str, Any] = Field(description="Its `data`, as a JSON schema.")


class SubscriptionDraft(BaseModel):
    """What a client sends to be told of events."""

    url: Url
    description: Description | None = None
    events: EventNames
    contact: Email | None = Field(
        None, description="Who is told when it is disabled, after days of failure."
    )
    enabled: bool = True


class SubscriptionRead(BaseModel):
    """What a client gets back, never its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    url: str
    description: str | None
    events: list[str]
    contact: str | None
    enabled: bool
    disabled_because: Literal["owner", "gone", "failing"] | None
    failing_since: datetime | None
    created_at: datetime


class Secret(BaseModel):
    """What verifies deliveries: it is shown once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class SubscriptionMade(SubscriptionRead, Secret):
    """The subscription, with its secret."""


class Rotation(BaseModel):
    """How long the secret before goes on to sign beside the new one."""

    overlap_hours: Annotated[int, Field(ge=0, le=168, examples=[24])] = 24


class ReplayRequest(BaseModel):
    """Since when what failed is sent again."""

    since: Instant


class Replayed(BaseModel):
    """How many are sent again."""

    deliveries: int


class AttemptRead(BaseModel):
    """One attempt: the status that was answered, or why there was none."""

    at: datetime
    status: int | None
    error: str | None = Field(examples=["timed out"])
    milliseconds: int


class DeliveryRead(BaseModel):
    """What became of one event."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    subscription_id: UUID
    message_id: str = Field(description="The `webhook-id` of each attempt.")
    event: str
    status: Status
    attempts: list[AttemptRead] = Field(description="The latest of them, in order.")
    due_at: datetime | None = Field(description="When it is sent again, if it is.")
    created_at: datetime
    body: str = Field(description="What is sent, to the letter.")
