"""What a module declares: which coroutine follows which event."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.platform.database import UnitOfWork
from app.platform.events import Event

RETRY_FOR = timedelta(hours=1)
TIMEOUT = timedelta(seconds=30)
CRASHES = 5
EPOCH = datetime.fromtimestamp(0, UTC)

type Handler[E: Event, P] = Callable[[E, UnitOfWork, P], Awaitable[None]]


class Tick(Event):
    """The time of a periodic task has come."""

    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A coroutine to run in a transaction of its own after an event is committed."""

    name: str
    event: type[Event]
    run: Handler[Any, Any]
    timeout: timedelta
    retry_for: timedelta
    """How long after its first attempt one that fails is followed by another."""
    crashes: int = CRASHES
    """How many attempts in a row may end their worker."""
    every: timedelta | None = None

    def due(self, now: datetime) -> datetime:
        """Say when it was last due, the same for all who ask within an interval."""
        every = self.every or timedelta.resolution
        return EPOCH + (now - EPOCH) // every * every


class TaskRouter:
    """To the background what an `APIRouter` is to the API."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._tasks: dict[str, Task] = {}

    def on[E: Event, P](
        self,
        event: type[E],
        *,
        retry_for: timedelta = RETRY_FOR,
        timeout: timedelta = TIMEOUT,
        crashes: int = CRASHES,
    ) -> Callable[[Handler[E, P]], Handler[E, P]]:
        """Run the decorated coroutine for each such event, until it succeeds."""
        return self._register(
            event, retry_for=retry_for, timeout=timeout, crashes=crashes
        )

    def every[P](
        self,
        interval: timedelta,
        *,
        retry_for: timedelta | None = None,
        timeout: timedelta = TIMEOUT,
        crashes: int = CRASHES,
    ) -> Callable[[Handler[Tick, P]], Handler[Tick, P]]:
        """
        Run the decorated coroutine once in each interval, in one process of all.

        Intervals count from 1970 in UTC: a day begins at midnight. One that nobody
        was there to see is made up for, once.
        """
        return self._register(
            Tick,
            retry_for=interval if retry_for is None else retry_for,
            timeout=timeout,
            crashes=crashes,
            every=interval,
        )

    def include(self, other: "TaskRouter") -> None:
        self._tasks |= {task.name: task for task in other}

    def started_by(self, event: Event) -> Iterator[Task]:
        return (task for task in self if task.event is type(event))

    def periodic(self) -> Iterator[tuple[Task, timedelta]]:
        return ((task, task.every) for task in self if task.every is not None)

    def find(self, name: str) -> Task | None:
        return self._tasks.get(name)

    def contradictions(self) -> Iterator[str]:
        """Name the periodic tasks that may still run when their next tick comes."""
        for task, interval in self.periodic():
            if task.timeout >= interval:
                yield (
                    f"The timeout of {task.name} ({task.timeout.total_seconds():g} s) "
                    f"must be below its interval ({interval.total_seconds():g} s), or "
                    "it runs twice at once."
                )

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def _register(
        self, event: type[Event], **options: Any
    ) -> Callable[[Handler[Any, Any]], Handler[Any, Any]]:
        def register(run: Handler[Any, Any]) -> Handler[Any, Any]:
            name = f"{self._prefix}.{run.__name__}"
            self._tasks[name] = Task(name=name, event=event, run=run, **options)
            return run

        return register
