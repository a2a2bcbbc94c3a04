"""How long a message may take at each station."""

from pydantic import BaseModel, Field


class OutboxSettings(BaseModel, frozen=True):
    """`TASKS__*` in the environment, whatever the queue."""

    relay_batch: int = Field(100, ge=1)
    # Behind the notification, for when one was missed.
    relay_poll_seconds: float = Field(1.0, gt=0)
    # A relay that claims messages and dies holds them back for this long.
    claim_seconds: float = Field(30.0, gt=0)
    # A broker that loses a message delays it by this long. More than a backlog lasts,
    # or what merely waits is sent again.
    lease_seconds: float = Field(300.0, gt=0)
    # An attempt whose worker vanished is made again after this long. More than any
    # task's timeout, and the hard limit of one.
    attempt_seconds: float = Field(120.0, gt=0)
    # Longer than a broker could ever keep a message.
    inbox_retention_days: int = Field(14, ge=1)
