"""The port a cache adapter implements: bytes under keys, and leases to fill them."""

from dataclasses import dataclass
from typing import Protocol


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
