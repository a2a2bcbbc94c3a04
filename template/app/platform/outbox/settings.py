"""How long a message may take at each station."""

from pydantic import Field

from app.platform.configuration import Section


class OutboxSettings(Section):
    """`TASKS__*` in the environment, whatever the queue."""

    relay_batch: int = Field(100, ge=1)
    """How many messages the relay hands over at once."""
    relay_poll_seconds: float = Field(1.0, gt=0)
    """How often the relay looks by itself, for when a notification was missed."""
    claim_seconds: float = Field(30.0, gt=0)
    """How long a relay that dies holds back what it claimed."""
    lease_seconds: float = Field(300.0, gt=0)
    """
    How long a message waits that the broker lost. More than a backlog lasts, or what
    merely waits is sent again.
    """
    attempt_seconds: float = Field(120.0, gt=0)
    """
    When an attempt whose worker vanished is made again: the hard limit of one, and
    more than any task's timeout.
    """
    unknown_task_seconds: float = Field(3600.0, gt=0)
    """
    How long a message waits for a worker that knows its task: more than the time in
    which old and new versions run side by side.
    """
    inbox_retention_days: int = Field(14, ge=1)
    """How long a repetition is recognised: longer than a broker keeps a message."""
