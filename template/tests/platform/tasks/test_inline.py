import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

import pytest

from app.platform.database import Database, DatabaseSettings, UnitOfWork
from app.platform.events import Event
from app.platform.tasks import TaskRouter, Tick, inline
from app.platform.tasks.inline import InlineTasks, InlineTasksSettings


class Rung(Event):
    fail_times: int = 0
    seconds: float = 0


class Muffled(Rung):
    """Is not listened to for long."""


WINDOW = timedelta(seconds=0.3)


@dataclass
class Ports:
    database: Database
    heard: list[str] = field(default_factory=list)


tasks = TaskRouter("bell")


@tasks.on(Rung)
async def hear(event: Rung, _: UnitOfWork, ports: Ports) -> None:
    ports.heard.append("try")
    await asyncio.sleep(event.seconds)
    if ports.heard.count("try") <= event.fail_times:
        raise RuntimeError
    ports.heard.append("done")


@tasks.on(Muffled, retry_for=WINDOW, timeout=timedelta(seconds=0.2))
async def listen(event: Muffled, unit: UnitOfWork, ports: Ports) -> None:
    await hear(event, unit, ports)


@tasks.every(timedelta(seconds=0.05))
async def strike(_: Tick, __: UnitOfWork, ports: Ports) -> None:
    ports.heard.append("tick")


type Ring = Callable[[Rung], Awaitable[None]]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> InlineTasks:
    monkeypatch.setattr(inline, "backoff", lambda _: timedelta(seconds=0.05))
    on_events = TaskRouter()
    on_events.include(tasks)
    return InlineTasks(InlineTasksSettings(drain_seconds=0.1), on_events)


@pytest.fixture
async def ports(
    database_settings: DatabaseSettings, queue: InlineTasks
) -> AsyncIterator[Ports]:
    async with Database.open(database_settings, stage=queue.stage) as database:
        yield Ports(database)


async def ring(ports: Ports, event: Rung) -> None:
    async with ports.database.unit_of_work() as unit:
        unit.record(event)


class TestStage:
    async def test_runs_nothing_when_the_unit_fails(
        self, queue: InlineTasks, ports: Ports
    ) -> None:
        async with queue.running(ports):
            with pytest.raises(RuntimeError):
                async with ports.database.unit_of_work() as unit:
                    unit.record(Rung())
                    raise RuntimeError
            await queue.idle()

        assert "try" not in ports.heard

    async def test_tries_again_until_it_succeeds(
        self, queue: InlineTasks, ports: Ports
    ) -> None:
        async with queue.running(ports):
            await ring(ports, Rung(fail_times=2))
            await queue.idle()

        assert _without_ticks(ports) == ["try", "try", "try", "done"]

    async def test_gives_up_when_its_window_is_over(
        self, queue: InlineTasks, ports: Ports
    ) -> None:
        async with queue.running(ports):
            began = monotonic()
            await ring(ports, Muffled(fail_times=9999))
            await queue.idle()

        assert monotonic() - began >= WINDOW.total_seconds()
        assert set(_without_ticks(ports)) == {"try"}

    async def test_ends_an_attempt_that_takes_too_long(
        self, queue: InlineTasks, ports: Ports
    ) -> None:
        async with queue.running(ports):
            await ring(ports, Muffled(seconds=60))
            await queue.idle()

        assert set(_without_ticks(ports)) == {"try"}


class TestRunning:
    async def test_waits_for_what_runs_before_it_ends(
        self, queue: InlineTasks, ports: Ports
    ) -> None:
        async with queue.running(ports):
            await ring(ports, Rung(seconds=0.05))

        assert _without_ticks(ports) == ["try", "done"]

    async def test_abandons_what_outlasts_its_patience(
        self, queue: InlineTasks, ports: Ports
    ) -> None:
        async with queue.running(ports):
            await ring(ports, Rung(seconds=0.15))

        assert _without_ticks(ports) == ["try"]

    async def test_keeps_time(self, queue: InlineTasks, ports: Ports) -> None:
        async with queue.running(ports):
            await asyncio.sleep(0.2)

        assert ports.heard.count("tick") >= 2


def _without_ticks(ports: Ports) -> list[str]:
    return [word for word in ports.heard if word != "tick"]
