"""How an attempt at a task may end."""

from enum import StrEnum


class Outcome(StrEnum):
    """
    How an attempt ended, or why none was made.

    QUARANTINED has failed for too long. DUPLICATE had its effect before, or is another
    attempt's. UNKNOWN waits for a worker that knows the task, and DROPPED was lost
    because too much waits.
    """

    DONE = "done"
    RETRIED = "retried"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    UNKNOWN = "unknown"
    DROPPED = "dropped"

    @property
    def was_attempted(self) -> bool:
        return self not in {Outcome.DUPLICATE, Outcome.UNKNOWN, Outcome.DROPPED}
