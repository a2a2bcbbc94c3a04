"""What the client knows of one third party, and how much it may ask of it."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import Field

from app.platform.configuration import Limit, Section
from app.platform.http.breaker import Breaker
from app.platform.http.errors import NoConnection


class HttpSettings(Section):
    """`HTTP__*` in the environment."""

    deadline_seconds: float = Field(3.0, gt=0)
    """For a call with all its attempts and pauses; a call may ask for another."""
    connect_timeout_seconds: float = Field(1.0, gt=0)
    """How long to wait for a new connection."""
    max_response_bytes: int = Field(2 * 1024 * 1024, gt=0)
    """Where reading an answer stops."""

    max_connections: int = Field(100, ge=1)
    """Of each process, to all hosts."""
    max_connections_per_host: int = Field(20, ge=1)
    """Of each process, to one host: calls beyond wait for their turn."""
    max_idle_connections: int = Field(20, ge=0)
    """Kept open for the next call."""
    idle_connection_seconds: float = Field(30.0, ge=0)
    """How long they are kept."""
    connection_wait_seconds: float = Field(0.5, gt=0)
    """How long a call waits for its turn."""

    attempts: int = Field(3, ge=1)
    """At most so many for one call, the first among them."""
    first_pause_seconds: float = Field(0.05, ge=0)
    """Before the second attempt; each further pause is longer."""
    longest_pause_seconds: float = Field(0.25, ge=0)
    """No pause is longer than this."""
    retry_share: float = Field(0.1, ge=0, le=1)
    """How many of a host's calls may be repetitions, as a share of one."""
    retry_floor: int = Field(5, ge=0)
    """So many repetitions within the window are always allowed."""
    retry_window_seconds: float = Field(10.0, gt=0)
    """What counts as recent for the share."""

    breaker_failures: int = Field(5, ge=1)
    """So many failures in a row stop all calls to a host."""
    breaker_open_seconds: float = Field(10.0, gt=0)
    """How long until one call may try again."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "HTTP__CONNECTION_WAIT_SECONDS",
            "HTTP__CONNECT_TIMEOUT_SECONDS",
            below="HTTP__DEADLINE_SECONDS",
            reason="no time is left for the call itself",
        ),
    )


@dataclass(kw_only=True, slots=True)
class RetryBudget:
    """Allows `floor` retries in a window, and `share` of the window's calls on top."""

    share: float
    floor: int
    window_seconds: float
    clock: Callable[[], float] = time.monotonic
    _calls: deque[float] = field(default_factory=deque, init=False)
    _retries: deque[float] = field(default_factory=deque, init=False)

    def record_call(self) -> None:
        self._forget(self._calls)
        self._calls.append(self.clock())

    def spend(self) -> bool:
        """Take one retry from the budget, if any is left."""
        self._forget(self._calls)
        self._forget(self._retries)
        if len(self._retries) >= self.floor + self.share * len(self._calls):
            return False
        self._retries.append(self.clock())
        return True

    def _forget(self, moments: deque[float]) -> None:
        start = self.clock() - self.window_seconds
        while moments and moments[0] < start:
            moments.popleft()


class Host:
    """One third party that hangs must not take every connection from the others."""

    def __init__(self, name: str, settings: HttpSettings) -> None:
        self.name = name
        self.breaker = Breaker(
            name,
            failures=settings.breaker_failures,
            open_seconds=settings.breaker_open_seconds,
        )
        self.budget = RetryBudget(
            share=settings.retry_share,
            floor=settings.retry_floor,
            window_seconds=settings.retry_window_seconds,
        )
        self._connections = asyncio.Semaphore(settings.max_connections_per_host)

    def begin_call(self) -> None:
        """Fail at once while the breaker is open, and grow no budget by it."""
        self.breaker.refuse_if_open()
        self.budget.record_call()

    @asynccontextmanager
    async def attempt(self, *, wait_seconds: float) -> AsyncIterator[None]:
        """Wait for a connection, and tell the breaker how the attempt ended."""
        try:
            async with asyncio.timeout(wait_seconds):
                await self._connections.acquire()
        except TimeoutError:
            raise NoConnection(self.name) from None
        try:
            with self.breaker.guard():
                yield
        finally:
            self._connections.release()
