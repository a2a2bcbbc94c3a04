import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from app.platform.database import Database, DatabaseSettings, UnitOfWork
from app.platform.events import Event
from app.platform.tasks import TaskRouter, inline
from app.platform.tasks.inline import InlineTasks, InlineTasksSettings


class Chimed(Event):
    key: str
    number: int


@dataclass
class Ports:
    database: Database
    heard: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)


tasks = TaskRouter("bell")


@tasks.on(Chimed, key=lambda event: event.key)
async def chime(event: Chimed, _: UnitOfWork, ports: Ports) -> None:
    said = f"{event.key}{event.number}"
    ports.heard.append(said)
    if said == "b2":
        ports.released.set()
    if said == "a0" and ports.heard.count(said) == 1:
        await ports.released.wait()
        raise RuntimeError


class TestKey:
    async def test_keeps_its_order_and_holds_up_no_other(
        self, database_settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inline, "backoff", lambda _: timedelta(seconds=0.05))
        queue = InlineTasks(InlineTasksSettings(), tasks)

        async with Database.open(database_settings, stage=queue.stage) as database:
            ports = Ports(database)
            async with queue.running(ports):
                for number in range(3):
                    async with database.unit_of_work() as unit:
                        unit.record(Chimed(key="a", number=number))
                        unit.record(Chimed(key="b", number=number))
                await queue.idle()

        assert [it for it in ports.heard if it[0] == "a"] == ["a0", "a0", "a1", "a2"]
        assert [it for it in ports.heard if it[0] == "b"] == ["b0", "b1", "b2"]
