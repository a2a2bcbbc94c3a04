"""The generic cell rate algorithm, by which a quota grows back evenly."""

from collections.abc import Callable
from time import monotonic_ns
from typing import NamedTuple, Protocol

MICROSECONDS = 1_000_000
# So many callers are told apart; those beyond share as many more places.
APART, SHARED = 20_000, 1_024


class Quota(NamedTuple):
    """So many requests in so many seconds, all at once or spread."""

    limit: int
    seconds: int

    @property
    def window(self) -> int:
        """What can be spent, in microseconds."""
        return self.seconds * MICROSECONDS

    @property
    def interval(self) -> int:
        """What one request spends of it, rounded so that no more than those fit."""
        return self.window // self.limit


class Meter(Protocol):
    """Counts what each caller spends."""

    async def spend(self, key: str, quota: Quota) -> int | None:
        """
        Spend one request, if the quota has it.

        Tells how much of the window is spent then, or, below zero, how long it takes
        until there is enough: in microseconds. `None` if nobody can tell.
        """


class LocalCount:
    """
    Counts in the memory of this process, which has room for so many callers.

    An entry is worth its place until all is grown back. When there is none left, what
    is new shares one with others: so nobody's count starts anew for want of room.
    """

    def __init__(
        self, clock: Callable[[], int] = lambda: monotonic_ns() // 1000
    ) -> None:
        self._clock = clock
        # When all that a caller has spent is there again.
        self._whole_at: dict[str | int, int] = {}
        self._next_sweep = 0

    def __len__(self) -> int:
        return len(self._whole_at)

    def spend(self, key: str, quota: Quota) -> int:
        """As a `Meter` does, but at once."""
        now = self._clock()
        place = self._place(key, now)
        whole_at = max(self._whole_at.get(place, 0), now) + quota.interval
        spent = whole_at - now
        if spent > quota.window:
            return quota.window - spent
        self._whole_at[place] = whole_at
        return spent

    def _place(self, key: str, now: int) -> str | int:
        if key in self._whole_at or self._has_room(now):
            return key
        return hash(key) % SHARED

    def _has_room(self, now: int) -> bool:
        if len(self._whole_at) >= APART and now >= self._next_sweep:
            self._next_sweep = now + MICROSECONDS
            left = {key: at for key, at in self._whole_at.items() if at > now}
            self._whole_at = left
        return len(self._whole_at) < APART
