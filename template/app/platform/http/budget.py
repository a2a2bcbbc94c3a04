"""A retry budget: an outage may add a tenth to the load, not multiply it."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


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
