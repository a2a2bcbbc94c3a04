"""How long to wait before another attempt."""

import random
from datetime import timedelta

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0
SHORTEST_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 15.0
# Far beyond the longest wait, and far below what a float can hold.
_DOUBLINGS = 30


def backoff(attempt: int) -> timedelta:
    """
    Wait at most twice as long after each failure, and never in step with others.

    All of the wait is random ("full jitter" in Exponential Backoff and Jitter, AWS
    Architecture Blog, 2015) but for a small floor. `attempt` counts from 1.
    """
    doublings = min(attempt - 1, _DOUBLINGS)
    ceiling = min(FIRST_SECONDS * 2.0**doublings, LONGEST_SECONDS)
    return timedelta(seconds=random.uniform(SHORTEST_SECONDS, ceiling))  # noqa: S311


def pause(age: timedelta) -> timedelta:
    """Wait up to half as long again as one has waited already, at most 15 seconds."""
    ceiling = min(max(age.total_seconds() / 2, FIRST_SECONDS), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=ceiling * random.uniform(0.5, 1))  # noqa: S311
