"""How an attempt at a task may end."""

from enum import StrEnum


class Outcome(StrEnum):
    """
    QUARANTINED has failed too often, DUPLICATE had its effect before, and DROPPED was
    not tried because too much waits.
    """

    DONE = "done"
    RETRIED = "retried"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    DROPPED = "dropped"
