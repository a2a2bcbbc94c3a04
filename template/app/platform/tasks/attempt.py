"""One attempt at a task: how it may end, what goes on around it, when the next is."""

import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from app.platform.tasks.router import Task


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


@dataclass(frozen=True, slots=True)
class Attempt:
    """`number` counts from 1; `waited_seconds` is the time since the commit."""

    task: str
    number: int
    waited_seconds: float


type Work = Callable[[], Awaitable[Outcome]]
type Around = Callable[[Attempt, Work], Awaitable[Outcome]]


@runtime_checkable
class Attempts(Protocol):
    """Whoever runs tasks does so within `around`, which may be replaced."""

    around: Around

    @property
    def tasks(self) -> Iterable[Task]: ...


async def plainly(_: Attempt, work: Work) -> Outcome:
    return await work()
