"""The port of secrets: what a manager keeps, read at start and ever after."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from random import SystemRandom
from threading import Lock
from typing import Self

import structlog
from anyio import to_thread

from app.platform.errors import Unavailable
from app.platform.secrets.settings import SecretsSettings

__all__ = [
    "ASKED_SECONDS",
    "Held",
    "NoAnswerError",
    "NotReadError",
    "Secrets",
    "SecretsSettings",
    "shared",
]

log = structlog.get_logger(__name__)

CHANCE = SystemRandom()
# What is refused makes nobody read the secrets more often than this.
ASKED_SECONDS = 0.2
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0

NO_MANAGER = "No manager is named; docs/adapters says what to set for one."

type Held = Mapping[str, str]


class NotReadError(Exception):
    """Nothing could be read: a sentence that begins with a setting, without values."""


class NoAnswerError(NotReadError):
    """Nothing could be read now: it may be otherwise soon."""


class Secrets:
    """
    What one process knows of the manager's secrets. An adapter adds how to `ask`.

    While the manager is gone, or keeps what cannot be used, those read before last.
    """

    def __init__(self, settings: SecretsSettings) -> None:
        self.failure: str | None = None
        # Raise `NotReadError` for what the settings of this process would refuse.
        self.judges: dict[type, Callable[[Held], None]] = {}
        self._settings = settings
        self._held: Held | None = None
        self._tried_at = self._read_at = 0.0
        self._reading = Lock()

    def ask(self) -> Held:
        """Read by name, within the timeout; raise `NotReadError` if that fails."""
        raise NotImplementedError

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: SecretsSettings) -> AsyncIterator[Self]:
        """Read them anew, again and again, until the block ends."""
        secrets = settings.opened()
        if not isinstance(secrets, cls):
            raise TypeError("These settings are another adapter's.")
        if not settings.place:
            log.info("secrets.from_environment", detail=NO_MANAGER)
        reading = asyncio.create_task(secrets.read_on())
        try:
            yield secrets
        finally:
            reading.cancel()

    @property
    def age_seconds(self) -> float:
        return time.monotonic() - self._read_at if self._settings.place else 0.0

    def find(self, name: str) -> str | None:
        return (self._held or {}).get(name)

    def known(self) -> Held:
        """Read them for the first time, as patiently as a start may be."""
        if self._held is None:
            self._held = self._first() if self._settings.place else {}
            self._read_at = self._tried_at = time.monotonic()
        return self._held

    def refresh(self, *, within: float = 0.0) -> None:
        """Read them unless somebody does, or has within this time."""
        asked = time.monotonic()
        with self._reading:
            if self._tried_at > asked - within:
                return
            try:
                held = self.ask()
                for judge in self.judges.values():
                    judge(held)
            except NotReadError as error:
                if self.failure != str(error):
                    log.warning("secrets.not_read", reason=str(error))
                self.failure = str(error)
            else:
                self._held, self.failure = held, None
                self._read_at = time.monotonic()
            self._tried_at = time.monotonic()

    async def check(self) -> None:
        """Raise while those that were read before have to do."""
        if self.failure is not None:
            raise Unavailable("The secrets cannot be read: those of before are used.")

    async def read_on(self) -> None:
        """Read them anew in time, as long as there is a place."""
        while self._settings.place:
            every = self._settings.refresh_seconds
            await asyncio.sleep(every * CHANCE.uniform(0.8, 1.2))
            try:
                await to_thread.run_sync(self.refresh, abandon_on_cancel=True)
            except Exception:
                # Whatever it is: the next time may go well.
                log.exception("secrets.not_read")

    def _first(self) -> Held:
        ends, pause = time.monotonic() + self._settings.start_seconds, 0.0
        while True:
            try:
                return self.ask()
            except NoAnswerError:
                pause = min(2 * pause or FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
                if time.monotonic() + pause > ends:
                    raise
                time.sleep(pause * CHANCE.uniform(0.5, 1))


@cache
def shared[S: SecretsSettings](kind: Callable[[S], Secrets], settings: S) -> Secrets:
    """Have all of a process share what is read: once, and for all who wait."""
    return kind(settings)
