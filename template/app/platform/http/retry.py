"""Which calls are repeated, and when."""

import asyncio
from dataclasses import dataclass
from typing import Final

import httpx

from app.platform.http.breaker import BreakerState
from app.platform.http.errors import (
    ThirdPartyErred,
    ThirdPartyTimedOut,
    ThirdPartyUnreachable,
)
from app.platform.http.host import Host, HttpSettings
from app.platform.http.transport import HttpResponse, retry_after_seconds

IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
PASSING_STATUSES: Final = frozenset({502, 503, 504})


class Throttled(Exception):
    """A 429 on its way to the caller, raised so that it can be repeated first."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(f"{response.host} answered {response.status}")
        self.response = response


def is_idempotent(request: httpx.Request) -> bool:
    """Tell whether doing it twice is the same as doing it once."""
    return request.method in IDEMPOTENT_METHODS or (
        request.method == "POST" and "idempotency-key" in request.headers
    )


@dataclass(frozen=True, slots=True)
class Call:
    """A request under way; `deadline` is a time of the event loop's clock."""

    request: httpx.Request
    host: Host
    deadline: float

    @property
    def seconds_left(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()


class RetryPolicy:
    """
    Decides after a failed attempt, as a backoff hook of stamina.

    A retry must be harmless, within the host's budget, and early enough to end
    before the deadline.
    """

    def __init__(self, call: Call, settings: HttpSettings) -> None:
        self._call = call
        self._longest_pause_seconds = settings.longest_pause_seconds
        self._retries_left = settings.attempts - 1

    def __call__(self, error: Exception) -> bool | float:
        asked = _asked_to_wait_seconds(error)
        pause = asked or self._longest_pause_seconds
        if not (self._is_worth_it(error, pause) and self._call.host.budget.spend()):
            return False
        self._retries_left -= 1
        # True leaves the pause to stamina: exponential, with jitter.
        return asked or True

    def _is_worth_it(self, error: Exception, pause: float) -> bool:
        return (
            self._retries_left > 0
            and _may_pass(error)
            and is_idempotent(self._call.request)
            and self._call.host.breaker.state is BreakerState.CLOSED
            and pause < self._call.seconds_left
        )


def _may_pass(error: Exception) -> bool:
    if isinstance(error, ThirdPartyErred):
        return error.status in PASSING_STATUSES
    return isinstance(error, Throttled | ThirdPartyTimedOut | ThirdPartyUnreachable)


def _asked_to_wait_seconds(error: Exception) -> int | None:
    if isinstance(error, Throttled):
        return retry_after_seconds(error.response.headers)
    return error.asked_to_wait_seconds if isinstance(error, ThirdPartyErred) else None
