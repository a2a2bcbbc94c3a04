"""An outbox with tasks of the tests' own, and a worker in the test's process."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from app.platform.database import Base, Database, UnitOfWork
from app.platform.events import Event
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.outbox.delivery import Delivery
from app.platform.outbox.models import TASKS, OutboxMessage
from app.platform.outbox.outbox import Outbox, OutboxSettings
from app.platform.outbox.relay import Publisher, Relay
from app.platform.tasks import TaskRouter, Tick


class Posted(Event):
    fails: int = 0
    seconds: float = 0


tasks = TaskRouter("post")


@tasks.on(Posted, timeout=timedelta(seconds=20), crashes=3)
async def deliver(event: Posted, _: UnitOfWork, ports: "Station") -> None:
    ports.delivered += 1
    ports.asked.append(context.caller())
    ports.begun.set()
    if ports.delivered == 1:
        await ports.go_on.wait()
    await asyncio.sleep(event.seconds)
    if ports.delivered <= event.fails:
        raise RuntimeError("The dog barked.")


class Played(Event):
    key: str
    number: int


@tasks.on(Played, key=lambda event: event.key)
async def play(event: Played, _: UnitOfWork, ports: "Station") -> None:
    ports.played.append((event.key, event.number))
    await asyncio.sleep(0)
    if event.number == 1 and ports.played.count((event.key, 1)) == 1:
        raise RuntimeError("The string broke.")


@tasks.every(timedelta(hours=1))
async def empty_boxes(_: Tick, __: UnitOfWork, ports: "Station") -> None:
    ports.delivered += 1


@dataclass
class Station:
    """What the tasks find as their ports."""

    database: Database
    delivered: int = 0
    asked: list[Principal] = field(default_factory=list)
    played: list[tuple[str, int]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    settings: OutboxSettings = field(default_factory=OutboxSettings)

    def __post_init__(self) -> None:
        # Unset, it holds up the first delivery.
        self.go_on.set()

    def worker(self) -> Delivery:
        return Delivery(tasks, self.settings, database=self.database, ports=self)

    def relay(self, carrier: Publisher) -> Relay:
        return Relay(self.database, {TASKS: carrier}, self.settings)

    async def post(self, event: Event) -> UUID:
        async with self.database.unit_of_work() as unit:
            unit.record(event)
        async with self.database.read_session() as session:
            newest = select(OutboxMessage.id).order_by(OutboxMessage.id.desc())
            return (await session.scalars(newest.limit(1))).one()

    async def leave(
        self, destination: str, *names: str, key: str | None = None
    ) -> list[UUID]:
        """Leave messages that are not tasks of a station, in one transaction."""
        messages = [
            OutboxMessage(
                destination=destination, key=key, name=name, payload={}, headers={}
            )
            for name in names
        ]
        async with self.database.unit_of_work() as unit:
            await Outbox(unit.session).put(messages)
        return [message.id for message in messages]

    async def change(self, **values: Any) -> None:
        async with self.database.unit_of_work() as unit:
            await unit.session.execute(update(OutboxMessage).values(values))

    async def confine(self, event: Posted | None = None) -> UUID:
        """Post a message that has failed for as long as it may."""
        message_id = await self.post(event or Posted(fails=99))
        await self.change(first_attempt_at=func.now() - timedelta(hours=2))
        await self.worker().handle(message_id)
        return message_id

    async def until_begun(self) -> None:
        async with asyncio.timeout(10):
            await self.begun.wait()

    async def only_message(self) -> UUID:
        async with self.database.read_session() as session:
            return (await session.scalars(select(OutboxMessage.id))).one()

    async def expire_leases(self) -> None:
        await self.change(due_at=func.now() - timedelta(seconds=1))

    async def get(self, model: type[Any], id_: UUID) -> Any:
        async with self.database.read_session() as session:
            return await session.get(model, id_)

    async def count(self, model: type[Base]) -> int:
        async with self.database.read_session() as session:
            counted = select(func.count()).select_from(model)
            return await session.scalar(counted) or 0


async def stage_nothing(*_: object) -> None:
    """No event is recorded."""
