"""The relay: moves messages from the outbox to their destinations. Several may run."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog

from app.platform.database import Database, DatabaseSettings
from app.platform.database.postgresql import listening
from app.platform.outbox.models import TASKS, OutboxMessage
from app.platform.outbox.outbox import CHANNEL, Outbox, OutboxSettings
from app.platform.outbox.quarantine import Quarantine

log = structlog.get_logger(__name__)

RECONNECT_SECONDS = 1.0

type Refused = Mapping[UUID, str]


class Publisher(Protocol):
    """Carries messages to one destination."""

    @property
    def final(self) -> bool:
        """Say if what is published is done; else whoever receives it ends it."""

    async def publish(self, messages: Sequence[OutboxMessage]) -> Refused:
        """
        Tell of those that no attempt could publish why: they go into quarantine.

        Raise when it cannot vouch for all others: then all are published again.
        """


class Relay:
    """
    Sends what is due: at once when notified, at the latest after the poll.

    A message is claimed before and extended or removed after it is sent, each in a
    short transaction: a relay that dies in between delays its claim, and loses nothing.
    Each destination has its own pace: one that fails or hangs holds up no other.
    """

    def __init__(
        self,
        database: Database,
        publishers: Mapping[str, Publisher],
        settings: OutboxSettings,
    ) -> None:
        self.database = database
        self.publishers = publishers
        # Whoever watches puts something else in its place; others add what runs beside.
        self.publish = self._publish
        self.beside: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._settings = settings
        self._notified = {destination: asyncio.Event() for destination in publishers}

    async def run(self, listen: DatabaseSettings) -> None:
        """Relay until cancelled, through outages of the database and of others."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(listen))
            for destination in self.publishers:
                group.create_task(self._relay(destination))
            for run in self.beside:
                group.create_task(run())

    async def relay_due(self, destination: str = TASKS) -> int:
        """Send one batch and tell its size, with what waits behind it."""
        settings = self._settings
        # What hangs ends with its claim: another relay may have the messages then.
        end = asyncio.get_running_loop().time() + settings.claim_seconds
        async with self.database.unit_of_work() as unit:
            claim = await Outbox(unit.session).claim(
                destination,
                limit=settings.relay_batch,
                lease=timedelta(seconds=settings.claim_seconds),
                behind=timedelta(seconds=settings.lease_seconds),
            )
        if claim.messages:
            await self._send(destination, claim.messages, end)
        return claim.looked

    async def _publish(
        self, destination: str, messages: Sequence[OutboxMessage]
    ) -> Refused:
        return await self.publishers[destination].publish(messages)

    async def _send(
        self, destination: str, claimed: Sequence[OutboxMessage], end: float
    ) -> None:
        done, lease = False, self._settings.relay_poll_seconds
        refused: Refused = {}
        try:
            async with asyncio.timeout_at(end):
                refused = await self.publish(destination, claimed)
            done = self.publishers[destination].final
            lease = self._settings.lease_seconds
        finally:
            rest = [message for message in claimed if message.id not in refused]
            async with self.database.unit_of_work() as unit:
                outbox, quarantine = Outbox(unit.session), Quarantine(unit.session)
                if done:
                    await outbox.remove(*(message.id for message in rest))
                elif rest:
                    await outbox.extend(rest, lease=timedelta(seconds=lease))
                for message in claimed:
                    if reason := refused.get(message.id):
                        await quarantine.confine(message, error=reason)
                        log.error("relay.refused", message_id=str(message.id))

    async def _relay(self, destination: str) -> None:
        while True:
            try:
                sent = await self.relay_due(destination)
            except Exception:
                # The promise: an outage delays messages and does not end the relay.
                log.warning("relay.failed", destination=destination, exc_info=True)
                sent = 0
            if sent < self._settings.relay_batch:
                await self._wait(self._notified[destination])

    async def _wait(self, notified: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._settings.relay_poll_seconds):
                await notified.wait()
        except TimeoutError:
            return
        notified.clear()

    def _hear(self) -> None:
        for notified in self._notified.values():
            notified.set()

    async def _listen(self, settings: DatabaseSettings) -> None:
        while True:
            try:
                async with listening(settings, CHANNEL, self._hear) as lost:
                    await lost.wait()
            except Exception:
                # The poll carries on while there is nobody to listen to.
                log.warning("relay.deaf", exc_info=True)
            await asyncio.sleep(RECONNECT_SECONDS)
