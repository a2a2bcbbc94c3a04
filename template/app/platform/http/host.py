"""What the client knows of one third party, and how many calls it may have at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from app.platform.http.breaker import Breaker
from app.platform.http.budget import RetryBudget
from app.platform.http.errors import NoConnection
from app.platform.http.settings import HttpSettings


class Host:
    """One third party that hangs must not take every connection from the others."""

    def __init__(
        self, name: str, *, breaker: Breaker, budget: RetryBudget, connections: int
    ) -> None:
        self.name = name
        self.breaker = breaker
        self.budget = budget
        self._connections = asyncio.Semaphore(connections)

    @classmethod
    def new(cls, name: str, settings: HttpSettings) -> Self:
        return cls(
            name,
            breaker=Breaker(
                name,
                failures=settings.breaker_failures,
                open_seconds=settings.breaker_open_seconds,
            ),
            budget=RetryBudget(
                share=settings.retry_share,
                floor=settings.retry_floor,
                window_seconds=settings.retry_window_seconds,
            ),
            connections=settings.max_connections_per_host,
        )

    def begin_call(self) -> None:
        """Fail at once while the breaker is open, and grow no budget by it."""
        self.breaker.refuse_if_open()
        self.budget.record_call()

    @asynccontextmanager
    async def attempt(self, *, wait_seconds: float) -> AsyncIterator[None]:
        """Wait for a connection, and tell the breaker how the attempt ended."""
        await self._take_connection(wait_seconds)
        try:
            with self.breaker.guard():
                yield
        finally:
            self._connections.release()

    async def _take_connection(self, wait_seconds: float) -> None:
        try:
            async with asyncio.timeout(wait_seconds):
                await self._connections.acquire()
        except TimeoutError:
            raise NoConnection(self.name) from None
