"""What a module declares: which coroutine follows which event, or runs when."""

import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from app.platform.database import UnitOfWork
from app.platform.events import Event

RETRY_FOR = timedelta(hours=1)
TIMEOUT = timedelta(seconds=30)
CRASHES = 5
EPOCH = datetime.fromtimestamp(0, UTC)
CRON_FIELDS = 5
# No zone puts its clocks back by more today.
PUT_BACK = timedelta(hours=3)

type Handler[E: Event, P] = Callable[[E, UnitOfWork, P], Awaitable[None]]


class Tick(Event):
    """The time of a periodic task has come."""

    due_at: datetime


class Schedule(Protocol):
    """When a periodic task runs."""

    @property
    def interval(self) -> timedelta:
        """The shortest time between two of its ticks."""

    def due(self, now: datetime) -> datetime:
        """Say when it was last due, the same for all who ask before it is again."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Once in each interval: they count from 1970 in UTC."""

    interval: timedelta

    def due(self, now: datetime) -> datetime:
        return EPOCH + (now - EPOCH) // self.interval * self.interval


class Cron:
    """
    Whenever the clocks of a time zone match a cron expression, as Debian's cron has it.

    When they are put forward, a time that is left out is due at the end of the gap;
    when they are put back, one that comes twice is due the first time. Where the minute
    or the hour begins with `*`, it is due whenever the clocks show it.
    """

    def __init__(self, expression: str, tz: str) -> None:
        self._expression = expression
        try:
            self._zone = ZoneInfo(tz)
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f'"{tz}" is no time zone: write it like "Europe/Berlin".'
            ) from None
        try:
            if len(expression.split()) != CRON_FIELDS:
                raise CronSimError("it has five fields")
            self.due(datetime.now(UTC))
        except (CronSimError, StopIteration) as error:
            reason = str(error) or "it matches no day"
            raise ValueError(
                f'"{expression}" is no cron expression: {reason}.'
            ) from None
        self.interval = self._shortest()

    def due(self, now: datetime) -> datetime:
        # Going back from within a second includes its beginning.
        start = now.astimezone(self._zone).replace(microsecond=1)
        if start.fold:
            # What is later on the clock was already there before they were put back.
            start += PUT_BACK
        times = CronSim(self._expression, start, reverse=True)
        ticks = (tick.astimezone(UTC) for tick in times)
        return next(tick for tick in ticks if tick <= now)

    def _shortest(self) -> timedelta:
        """All minutes of a day show it, or all days of some years."""
        until = EPOCH + timedelta(days=20 * 365)
        ticks = takewhile(until.__gt__, CronSim(self._expression, EPOCH))
        pairs = pairwise(islice(ticks, 1500))
        return min((b - a for a, b in pairs), default=until - EPOCH)


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
    key: Callable[[Any], str] | None = None
    """Of which events one waits until what an earlier one started is over."""
    schedule: Schedule | None = None

    def key_of(self, event: Event) -> str | None:
        return None if self.key is None else self.key(event)


class TaskRouter:
    """To the background what an `APIRouter` is to the API."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._tasks: dict[str, Task] = {}

    def on[E: Event, P](
        self,
        event: type[E],
        *,
        key: Callable[[E], str] | None = None,
        retry_for: timedelta = RETRY_FOR,
        timeout: timedelta = TIMEOUT,
        crashes: int = CRASHES,
    ) -> Callable[[Handler[E, P]], Handler[E, P]]:
        """
        Run the decorated coroutine for each such event, until it succeeds.

        Tasks whose events have the same key run one after another, in the order in
        which the events were stored: each when the one before it is done or given up.
        """
        return self._register(
            event, key=key, retry_for=retry_for, timeout=timeout, crashes=crashes
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
        return self._scheduled(
            Interval(interval), retry_for=retry_for, timeout=timeout, crashes=crashes
        )

    def at[P](
        self,
        time_of_day: str,
        *,
        tz: str,
        days: str = "*",
        retry_for: timedelta | None = None,
        timeout: timedelta = TIMEOUT,
        crashes: int = CRASHES,
    ) -> Callable[[Handler[Tick, P]], Handler[Tick, P]]:
        """
        Run the decorated coroutine at "03:00" in the time zone, on days like "mon-fri".

        When the clocks are put forward or back, it still runs once.
        """
        try:
            clock = time.strptime(time_of_day, "%H:%M")
        except ValueError:
            raise ValueError(
                f'"{time_of_day}" is no time of day: write it like "03:00".'
            ) from None
        schedule = Cron(f"{clock.tm_min} {clock.tm_hour} * * {days}", tz)
        return self._scheduled(
            schedule, retry_for=retry_for, timeout=timeout, crashes=crashes
        )

    def cron[P](
        self,
        expression: str,
        *,
        tz: str,
        retry_for: timedelta | None = None,
        timeout: timedelta = TIMEOUT,
        crashes: int = CRASHES,
    ) -> Callable[[Handler[Tick, P]], Handler[Tick, P]]:
        """Run the decorated coroutine whenever "0 3 * * mon-fri" says, in the zone."""
        return self._scheduled(
            Cron(expression, tz), retry_for=retry_for, timeout=timeout, crashes=crashes
        )

    def include(self, other: "TaskRouter") -> None:
        self._tasks |= {task.name: task for task in other}

    def started_by(self, event: Event) -> Iterator[Task]:
        return (task for task in self if task.event is type(event))

    def periodic(self) -> Iterator[tuple[Task, Schedule]]:
        return ((task, task.schedule) for task in self if task.schedule is not None)

    def find(self, name: str) -> Task | None:
        return self._tasks.get(name)

    def contradictions(self) -> Iterator[str]:
        """Name the periodic tasks that may still run when their next tick comes."""
        for task, schedule in self.periodic():
            if task.timeout >= schedule.interval:
                yield (
                    f"The timeout of {task.name} ({task.timeout.total_seconds():g} s) "
                    "must be below its interval "
                    f"({schedule.interval.total_seconds():g} s), or it runs twice at "
                    "once."
                )

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def _scheduled(
        self,
        schedule: Schedule,
        *,
        retry_for: timedelta | None,
        **options: Any,
    ) -> Callable[[Handler[Any, Any]], Handler[Any, Any]]:
        if retry_for is None:
            retry_for = schedule.interval
        return self._register(Tick, schedule=schedule, retry_for=retry_for, **options)

    def _register(
        self, event: type[Event], **options: Any
    ) -> Callable[[Handler[Any, Any]], Handler[Any, Any]]:
        def register(run: Handler[Any, Any]) -> Handler[Any, Any]:
            name = f"{self._prefix}.{run.__name__}"
            self._tasks[name] = Task(name=name, event=event, run=run, **options)
            return run

        return register
