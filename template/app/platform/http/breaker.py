"""A circuit breaker: a third party that keeps failing is left alone for a while."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from math import ceil

import structlog

from app.platform.http.errors import CircuitOpen, ThirdPartyFailed

log = structlog.get_logger(__name__)


class BreakerState(StrEnum):
    """CLOSED lets all calls through, OPEN none, HALF_OPEN is one probe under way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """
    Opens after `failures` in a row and closes when a single probe succeeds.

    Only `ThirdPartyFailed` counts; a caller that gives up says nothing about the host.
    Written here because purgatory 3.0 lets every waiting caller probe at once, counts
    cancelled callers as failures, and raises one exception object again and again,
    whose traceback grows with each refusal.
    """

    def __init__(
        self,
        host: str,
        *,
        failures: int,
        open_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state = BreakerState.CLOSED
        # Counted since the start of the process, for whoever publishes metrics.
        self.transitions: Counter[BreakerState] = Counter()
        self._host = host
        self._failures_to_open = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0

    def refuse_if_open(self) -> None:
        """Raise `CircuitOpen` unless a call made now would be let through."""
        if self.state is BreakerState.CLOSED:
            return
        wait = self._probe_at - self._clock()
        if self.state is BreakerState.HALF_OPEN or wait > 0:
            raise CircuitOpen(self._host, retry_after_seconds=max(1, ceil(wait)))

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Let one call through, and learn from how it ends."""
        admitted = self._admit()
        try:
            yield
        except ThirdPartyFailed:
            self._learn(admitted, self._failed)
            raise
        except BaseException:
            self._learn(admitted, self._gave_up)
            raise
        else:
            self._learn(admitted, self._succeeded)

    def _admit(self) -> BreakerState:
        self.refuse_if_open()
        if self.state is BreakerState.OPEN:
            self._move(BreakerState.HALF_OPEN)
        return self.state

    def _learn(self, admitted: BreakerState, lesson: Callable[[], None]) -> None:
        # A call that was let through in an earlier state knows nothing of this one.
        if admitted is self.state:
            lesson()

    def _succeeded(self) -> None:
        self._failures = 0
        self._move(BreakerState.CLOSED)

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= self._failures_to_open:
            self._probe_at = self._clock() + self._open_seconds
            self._move(BreakerState.OPEN)

    def _gave_up(self) -> None:
        if self.state is BreakerState.HALF_OPEN:
            self._move(BreakerState.OPEN)

    def _move(self, state: BreakerState) -> None:
        if state is not self.state:
            log.warning("http.breaker", host=self._host, was=self.state, state=state)
            self.state = state
            self.transitions[state] += 1
