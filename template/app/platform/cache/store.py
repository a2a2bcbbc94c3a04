"""The port a cache adapter implements: bytes under keys, and leases to fill them."""

from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """What a key holds while its value is loaded, until somebody forgets the key."""

    token: bytes
    granted: bool


class CacheStore(Protocol):
    """Shared by all replicas. Raises nothing: a store out of reach has no answer."""

    @property
    def system(self) -> str | None:
        """Name the kind of server behind it; None if there is none."""

    async def get(self, key: str, *, lease_seconds: float) -> bytes | Lease | None:
        """
        Return the value, or else a lease; `None` if the store has no answer.

        Among all callers, one is granted the lease. The others see whose turn it is.
        """

    async def fill(
        self, key: str, value: bytes, *, lease: Lease, ttl_seconds: float
    ) -> bool:
        """Store the value only if the key still holds the lease; say if it did."""

    async def release(self, key: str, *, lease: Lease) -> None:
        """Let another caller have the lease."""

    async def forget(self, *keys: str) -> None:
        """Drop values and leases, later if it cannot be now."""

    async def ping(self) -> bool: ...

    @property
    def available(self) -> bool:
        """Say if the latest question had an answer, without asking another."""


class Cooldown:
    """After a failure, one caller at a time finds out for all whether it is over."""

    def __init__(self, seconds: float) -> None:
        self.failing = False
        self._seconds = seconds
        self._next_try = self._next_report = 0.0

    def admits(self) -> bool:
        if self.failing and monotonic() < self._next_try:
            return False
        self._next_try = monotonic() + self._seconds
        return True

    def begin(self) -> None:
        self.failing = True
        self._next_try = monotonic() + self._seconds

    def report(self, error: Exception) -> None:
        """Log it, once per cool-down."""
        if monotonic() >= self._next_report:
            self._next_report = monotonic() + self._seconds
            log.warning("cache.unavailable", error=type(error).__name__)
