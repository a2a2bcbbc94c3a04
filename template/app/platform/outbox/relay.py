"""The relay: moves messages from the outbox to the broker. Several may run."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from app.platform.database import Database, DatabaseSettings
from app.platform.database.postgresql import listening
from app.platform.outbox.outbox import CHANNEL, Claim, Outbox, OutboxSettings

log = structlog.get_logger(__name__)

RECONNECT_SECONDS = 1.0


class Broker(Protocol):
    """Carries the ids of messages to workers."""

    async def send(self, ids: Sequence[UUID]) -> None:
        """Raise when it cannot vouch for all of them."""


class Relay:
    """
    Sends what is due: at once when notified, at the latest after the poll.

    A message is claimed before and extended after it is sent, each in a short
    transaction: a relay that dies in between delays its claim, and loses nothing.
    """

    def __init__(
        self, database: Database, broker: Broker, settings: OutboxSettings
    ) -> None:
        self.database = database
        # Whoever watches puts something else in its place; others add what runs beside.
        self.send = broker.send
        self.beside: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._settings = settings
        self._notified = asyncio.Event()

    async def run(self, listen: DatabaseSettings) -> None:
        """Relay until cancelled, through outages of the database and the broker."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(listen))
            group.create_task(self._relay())
            for run in self.beside:
                group.create_task(run())

    async def relay_due(self) -> int:
        """Send one batch and tell its size."""
        settings = self._settings
        async with self.database.unit_of_work() as unit:
            claim = await Outbox(unit.session).claim(
                limit=settings.relay_batch,
                lease=timedelta(seconds=settings.claim_seconds),
            )
        if claim.ids:
            await self._send(claim)
        return len(claim.ids)

    async def _send(self, claim: Claim) -> None:
        lease = self._settings.relay_poll_seconds
        try:
            await self.send(claim.ids)
            lease = self._settings.lease_seconds
        finally:
            async with self.database.unit_of_work() as unit:
                extension = timedelta(seconds=lease)
                await Outbox(unit.session).extend(claim, lease=extension)

    async def _relay(self) -> None:
        while True:
            try:
                sent = await self.relay_due()
            except Exception:
                # The promise: an outage delays messages and does not end the relay.
                log.warning("relay.failed", exc_info=True)
                sent = 0
            if sent < self._settings.relay_batch:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._settings.relay_poll_seconds):
                await self._notified.wait()
        except TimeoutError:
            return
        self._notified.clear()

    async def _listen(self, settings: DatabaseSettings) -> None:
        while True:
            try:
                async with listening(settings, CHANNEL, self._notified.set) as lost:
                    await lost.wait()
            except Exception:
                # The poll carries on while there is nobody to listen to.
                log.warning("relay.deaf", exc_info=True)
            await asyncio.sleep(RECONNECT_SECONDS)
