"""Where the relay publishes to: what takes messages itself, and what has workers."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from app.platform.database import DatabaseSettings
from app.platform.outbox.models import OutboxMessage
from app.platform.outbox.outbox import OutboxSettings
from app.platform.outbox.relay import Publisher, Refused, Relay
from tests.platform.outbox.station import Station

HASTY = OutboxSettings(relay_poll_seconds=0.05, claim_seconds=0.5, relay_batch=3)


class Stream:
    """A destination that reads messages itself; it can be down, or hang."""

    final = True

    def __init__(self) -> None:
        self.published: dict[str | None, list[str]] = defaultdict(list)
        self.attempts = 0
        self.down = self.hangs = False
        self.flaky = 0
        self.refused: set[str] = set()
        self.changed = asyncio.Condition()

    async def publish(self, messages: Sequence[OutboxMessage]) -> Refused:
        try:
            return await self._publish(messages)
        finally:
            async with self.changed:
                self.changed.notify_all()

    async def _publish(self, messages: Sequence[OutboxMessage]) -> Refused:
        self.attempts += 1
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(0.005)
        if self.down:
            raise ConnectionError
        refused = {m.id: "It is too long." for m in messages if m.name in self.refused}
        for message in messages:
            if message.id not in refused:
                self.published[message.key].append(message.name)
        if self.flaky and self.attempts % self.flaky == 0:
            # It took them, and could not say so.
            raise ConnectionError
        return refused

    async def until(self, true: Callable[[], bool]) -> None:
        """Look after each message that it took, and each attempt."""
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(true)


class Band:
    """A broker and so many workers, which take what it has at the same time."""

    final = False

    def __init__(self, station: Station, *, workers: int) -> None:
        self._waiting: asyncio.Queue[UUID] = asyncio.Queue()
        self._station = station
        self._workers = [asyncio.create_task(self._work()) for _ in range(workers)]

    async def publish(self, messages: Sequence[OutboxMessage]) -> Refused:
        for message in messages:
            self._waiting.put_nowait(message.id)
        return {}

    async def _work(self) -> None:
        worker = self._station.worker()
        while True:
            await worker.handle(await self._waiting.get())

    async def end(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.wait(self._workers)


@asynccontextmanager
async def relaying(
    station: Station,
    listen: DatabaseSettings,
    publishers: Mapping[str, Publisher],
    *,
    relays: int = 1,
) -> AsyncIterator[None]:
    running = [
        asyncio.create_task(Relay(station.database, publishers, HASTY).run(listen))
        for _ in range(relays)
    ]
    try:
        yield
    finally:
        for each in running:
            each.cancel()
        await asyncio.wait(running)
