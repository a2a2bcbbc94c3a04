"""What can be wrong with an idempotency key."""

from app.platform.errors import Conflict, DomainError, Invalid


class IdempotencyKeyMissing(DomainError):
    """The operation needs an `Idempotency-Key`."""


class IdempotencyKeyMalformed(DomainError):
    """The key is not 1 to 255 visible ASCII characters."""


class IdempotencyKeyInUse(Conflict):
    """The first request with this key has not been answered yet."""

    retry_after_seconds = 1


class IdempotencyKeyReused(Invalid):
    """The key came with another request before."""


# For the documentation of a route: `responses=problems(..., *KEY_REFUSALS)`.
KEY_REFUSALS: tuple[type[DomainError], ...] = (
    IdempotencyKeyMissing,
    IdempotencyKeyMalformed,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
)
