"""Whether a process has what it needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import SystemRandom
from typing import Any, Self

import structlog
from pydantic import Field

from app.platform.configuration import Section
from app.platform.errors import DomainError

log = structlog.get_logger(__name__)

CHANCE = SystemRandom()
# It is there, and busy: others would find it so, too.
SLOW = "no answer in time"


class ReadinessSettings(Section):
    """`READINESS__*` in the environment."""

    interval_seconds: float = Field(0.5, gt=0)
    """The pause between two looks at a dependency."""
    timeout_seconds: float = Field(0.5, gt=0)
    """How long a look may take."""
    failures: int = Field(2, ge=1)
    """So many in a row make it unready: one lost packet does not."""
    successes: int = Field(2, ge=1)
    """So many in a row make it ready again."""
    slow_failures: int = Field(20, ge=1)
    """
    So many looks without an answer in time do, and up to twice as many: each process
    draws its own number, so that what is slow for all does not empty the balancer.
    """


@dataclass(frozen=True, slots=True)
class Check:
    """Something this process needs. The probe returns when it is there, or raises."""

    name: str
    probe: Callable[[], Awaitable[object]]
    required: bool = True


class Dependency:
    """What is known of one dependency after the probes so far."""

    def __init__(self, check: Check, settings: ReadinessSettings) -> None:
        self.check = check
        self.reason: str | None = "not checked yet"
        self._settings = settings
        slow = settings.slow_failures
        self._patience = slow + CHANCE.randint(0, slow)
        self._asked = False
        self._contradictions = 0

    async def probe(self) -> None:
        """Ask once; the answer changes when enough probes in a row contradict it."""
        reason = await self._ask()
        contradicts = (reason is None) != (self.reason is None)
        self._contradictions = self._contradictions + 1 if contradicts else 0
        if self._asked and 0 < self._contradictions < self._needed(reason):
            return
        if contradicts:
            log.info("readiness.changed", dependency=self.check.name, reason=reason)
        self.reason = reason
        self._asked = True
        self._contradictions = 0

    def _needed(self, reason: str | None) -> int:
        if reason is None:
            return self._settings.successes
        return self._patience if reason == SLOW else self._settings.failures

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await self.check.probe()
        except TimeoutError:
            return SLOW
        except DomainError as error:
            return error.detail
        except Exception as error:
            # Any failure is an answer. Its words may name hosts, so its kind must do.
            return type(error).__name__
        return None


class Readiness:
    """The latest answer of every dependency."""

    def __init__(self, settings: ReadinessSettings, checks: Sequence[Check]) -> None:
        self.dependencies = [Dependency(check, settings) for check in checks]
        self.stopping = False
        self._interval = settings.interval_seconds

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: ReadinessSettings, checks: Sequence[Check]
    ) -> AsyncIterator[Self]:
        """Keep asking until the block ends; from then on nothing is ready."""
        readiness = cls(settings, checks)
        watch = asyncio.create_task(readiness._watch())
        try:
            yield readiness
        finally:
            readiness.stopping = True
            watch.cancel()

    @property
    def ready(self) -> bool:
        required = (each for each in self.dependencies if each.check.required)
        return not self.stopping and all(each.reason is None for each in required)

    def report(self) -> dict[str, Any]:
        """Say what the latest probes found, without waiting for another."""
        status = "ready" if self.ready else "not ready"
        return {
            "status": "stopping" if self.stopping else status,
            "dependencies": {
                each.check.name: {
                    "status": "failing" if each.reason else "ok",
                    "required": each.check.required,
                    "reason": each.reason,
                }
                for each in self.dependencies
            },
        }

    async def probe(self) -> None:
        """Ask every dependency once, all at the same time."""
        await asyncio.gather(*(each.probe() for each in self.dependencies))

    async def _watch(self) -> None:
        while True:
            await self.probe()
            await asyncio.sleep(self._interval)
