"""One attempt at a task, and what goes on around it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from app.platform.tasks.outcome import Outcome
from app.platform.tasks.router import Task


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
