"""How long to wait before another attempt."""

import random
from datetime import timedelta

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0


def backoff(attempt: int) -> timedelta:
    """
    Wait twice as long after each failure, and never in step with others.

    Half of the wait is fixed and half is random ("equal jitter" in Exponential
    Backoff and Jitter, AWS Architecture Blog, 2015). `attempt` counts from 1.
    """
    ceiling = min(FIRST_SECONDS * 2.0 ** (attempt - 1), LONGEST_SECONDS)
    return timedelta(seconds=ceiling * random.uniform(0.5, 1))  # noqa: S311
