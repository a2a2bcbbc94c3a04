"""How long a message may take at each station."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from app.platform.configuration import Limit, Section
from app.platform.tasks.router import TaskRouter


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

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "TASKS__RELAY_POLL_SECONDS",
            below="TASKS__CLAIM_SECONDS",
            reason="what a dead relay had claimed is due long before anybody looks",
        ),
        Limit(
            "TASKS__RELAY_POLL_SECONDS",
            below="TASKS__LEASE_SECONDS",
            reason="every look finds what is on its way, and sends it again",
        ),
        Limit(
            "TASKS__LEASE_SECONDS",
            below="TASKS__INBOX_RETENTION_DAYS",
            reason="what is sent again is not recognised, and has its effect twice",
        ),
        Limit(
            "TASKS__ATTEMPT_SECONDS",
            below="TASKS__INBOX_RETENTION_DAYS",
            reason="what is tried again is not recognised, and has its effect twice",
        ),
    )

    def contradictions(self, tasks: TaskRouter) -> Iterator[str]:
        """Name the tasks that may outlast what waits for them."""
        for task in tasks:
            seconds = task.timeout.total_seconds()
            if seconds >= self.attempt_seconds:
                yield (
                    f"The timeout of {task.name} ({seconds:g} s) must be below "
                    f"TASKS__ATTEMPT_SECONDS ({self.attempt_seconds:g}), or its "
                    "attempts overlap."
                )
        yield from tasks.contradictions()
