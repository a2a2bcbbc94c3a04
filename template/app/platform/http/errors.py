"""
Why a third party cannot be used now.

* Unavailable
  - HttpUnavailable
    - CircuitOpen             not asked: it failed too often lately
    - NoConnection            not asked: too many calls to it are under way
    - ThirdPartyFailed        asked, and counted by its breaker:
      - ThirdPartyTimedOut
      - ThirdPartyUnreachable
      - ThirdPartyErred
      - ThirdPartyMisbehaved

Each names the host, and nothing else of the call: a query, a header or a body may
hold a secret.
"""

from typing import ClassVar

from app.platform.errors import Unavailable


class HttpUnavailable(Unavailable):
    """A third party that this request needs cannot be used now."""

    reason: ClassVar[str] = "cannot be used now"

    def __init__(
        self, host: str, reason: str | None = None, *, retry_after_seconds: int = 1
    ) -> None:
        super().__init__(
            f"{host} {reason or self.reason}",
            retry_after_seconds=retry_after_seconds,
            host=host,
        )


class CircuitOpen(HttpUnavailable):
    """The third party failed too often lately and is left alone for a while."""

    reason = "failed too often lately"


class NoConnection(HttpUnavailable):
    """Too many calls to the third party are under way."""

    reason = "is busy with other calls of this service"


class ThirdPartyFailed(HttpUnavailable):
    """The third party was asked and did not do its part."""

    reason = "failed"


class ThirdPartyTimedOut(ThirdPartyFailed):
    """The third party did not answer in time."""

    reason = "did not answer in time"


class ThirdPartyUnreachable(ThirdPartyFailed):
    """The third party refused the connection or dropped it."""

    reason = "cannot be reached"


class ThirdPartyErred(ThirdPartyFailed):
    """The third party answered that it has a problem of its own."""

    def __init__(
        self, host: str, status: int, *, asked_to_wait_seconds: int | None = None
    ) -> None:
        super().__init__(
            host, f"answered {status}", retry_after_seconds=asked_to_wait_seconds or 1
        )
        self.status = status
        self.asked_to_wait_seconds = asked_to_wait_seconds


class ThirdPartyMisbehaved(ThirdPartyFailed):
    """The third party answered something other than was agreed."""

    reason = "sent an unusable answer"
