import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic

import pytest
from sqlalchemy import text

from app.platform.database import Database, DatabaseSettings, UnitOfWork
from app.platform.events import Event
from app.platform.observability import context
from app.platform.observability.context import Principal
from app.platform.tasks import TaskRouter, Tick, clock, inline
from app.platform.tasks.attempt import Attempt, Outcome, Work
from app.platform.tasks.inline import InlineTasks, InlineTasksSettings


class Rung(Event):
    fail_times: int = 0
    seconds: float = 0


class Muffled(Rung):
    """Is not listened to for long."""


WINDOW = timedelta(seconds=0.3)


class Held(Event):
    connected: bool


@dataclass
class Ports:
    database: Database
    heard: list[str] = field(default_factory=list)
    asked: list[Principal] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)


INTERVAL = timedelta(seconds=0.05)
BACKLOG = 16

tasks = TaskRouter("bell")
ticking = TaskRouter("clock")


@tasks.on(Rung)
async def hear(event: Rung, _: UnitOfWork, ports: Ports) -> None:
    ports.heard.append("try")
    ports.asked.append(context.caller())
    await asyncio.sleep(event.seconds)
    if ports.heard.count("try") <= event.fail_times:
        raise RuntimeError
    ports.heard.append("done")


@tasks.on(Muffled, retry_for=WINDOW, timeout=timedelta(seconds=0.2))
async def listen(event: Muffled, unit: UnitOfWork, ports: Ports) -> None:
    await hear(event, unit, ports)


@ticking.every(INTERVAL)
async def strike(_: Tick, __: UnitOfWork, ports: Ports) -> None:
    ports.heard.append("tick")


@tasks.on(Held, timeout=timedelta(seconds=60))
async def hold(event: Held, unit: UnitOfWork, ports: Ports) -> None:
    if event.connected:
        await unit.session.execute(text("SELECT 1"))
    ports.heard.append("held")
    await ports.released.wait()


type Ring = Callable[[Rung], Awaitable[None]]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> InlineTasks:
    monkeypatch.setattr(inline, "backoff", lambda _: timedelta(seconds=0.05))
    on_events = TaskRouter()
    on_events.include(tasks)
    on_events.include(ticking)
    return InlineTasks(InlineTasksSettings(drain_seconds=0.1), on_events)


@pytest.fixture
async def ports(
    database_settings: DatabaseSettings, queue: InlineTasks
) -> AsyncIterator[Ports]:
    async with Database.open(database_settings, stage=queue.stage) as database:
        yield Ports(database)


async def ring(ports: Ports, event: Event) -> None:
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

    async def test_tells_each_attempt_who_asks(
        self, queue: InlineTasks, ports: Ports
    ) -> None:
        caller = Principal("user-1", tenant="acme")
        async with queue.running(ports):
            with context.resume({}):
                context.identify(caller)
                await ring(ports, Rung(fail_times=1))
            await queue.idle()

        assert ports.asked.count(caller) == 2

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
            await ring(ports, Rung(seconds=20))

        assert _without_ticks(ports) == ["try"]

    async def test_keeps_time_with_others(
        self, queue: InlineTasks, ports: Ports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "PAUSE_SECONDS", 0.02)
        other = InlineTasks(InlineTasksSettings(), queue.tasks)
        async with queue.running(ports), other.running(ports):
            began = monotonic()
            await _until(lambda: ports.heard.count("tick") >= 3)
            intervals = (monotonic() - began) / INTERVAL.total_seconds()

        assert ports.heard.count("tick") <= intervals + 1


class TestCrowd:
    """More tasks than connections, and each of them waits for somebody else."""

    @pytest.fixture
    async def ports(
        self, database_settings: DatabaseSettings, narrow: InlineTasks
    ) -> AsyncIterator[Ports]:
        few = {"pool_size": 2, "pool_overflow": 0}
        settings = database_settings.model_copy(update=few)
        async with Database.open(settings, stage=narrow.stage) as database:
            yield Ports(database)

    @pytest.fixture
    def narrow(self) -> InlineTasks:
        """One task at a time."""
        events = TaskRouter()
        events.include(tasks)
        settings = InlineTasksSettings(
            concurrency=1, backlog=BACKLOG, drain_seconds=0.1
        )
        return InlineTasks(settings, events)

    async def test_leaves_connections_to_the_requests(
        self, narrow: InlineTasks, ports: Ports
    ) -> None:
        async with narrow.running(ports):
            for _ in range(16):
                await ring(ports, Held(connected=True))
            await _until(lambda: ports.heard.count("held") == 1)

            async with ports.database.read_session() as session:
                answer = await session.scalar(text("SELECT 42"))
            held = ports.heard.count("held")
            ports.released.set()
            await narrow.idle()

        assert (answer, held) == (42, 1)
        assert ports.heard.count("held") == 16

    async def test_holds_no_connection_that_it_does_not_use(
        self, narrow: InlineTasks, ports: Ports
    ) -> None:
        async with narrow.running(ports):
            for _ in range(16):
                await ring(ports, Held(connected=False))
            await _until(lambda: ports.heard.count("held") == 1)
            status = ports.database.pools[0].pool.status()
            ports.released.set()
            await narrow.idle()

        assert "Current Checked out connections: 0" in status
        assert ports.heard.count("held") == 16

    async def test_does_not_wait_for_what_waits_to_be_tried_again(
        self, narrow: InlineTasks, ports: Ports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inline, "backoff", lambda *_: timedelta(hours=1))
        ports.released.set()
        async with narrow.running(ports):
            await ring(ports, Rung(fail_times=9))
            await _until(lambda: "try" in ports.heard)
            await ring(ports, Held(connected=True))

            await _until(lambda: "held" in ports.heard)

        assert "done" not in ports.heard

    async def test_drops_what_is_too_much_and_counts_it(
        self, narrow: InlineTasks, ports: Ports
    ) -> None:
        outcomes: list[Outcome] = []

        async def note(_: Attempt, work: Work) -> Outcome:
            outcomes.append(await work())
            return outcomes[-1]

        narrow.around = note
        async with narrow.running(ports):
            for _ in range(BACKLOG + 1):
                await ring(ports, Held(connected=True))
            dropped = list(outcomes)
            ports.released.set()
            await narrow.idle()

        assert dropped == [Outcome.DROPPED]
        assert ports.heard.count("held") == BACKLOG

    async def test_keeps_a_tick_that_is_too_much_for_later(
        self, narrow: InlineTasks, ports: Ports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "PAUSE_SECONDS", 0.02)
        narrow.tasks.include(ticking)
        async with narrow.running(ports):
            for _ in range(BACKLOG):
                await ring(ports, Held(connected=False))
            await asyncio.sleep(3 * INTERVAL.total_seconds())
            before = ports.heard.count("tick")
            ports.released.set()

            await _until(lambda: "tick" in ports.heard)

        assert before == 0


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it is no single event
            await asyncio.sleep(0.01)


def _without_ticks(ports: Ports) -> list[str]:
    return [word for word in ports.heard if word != "tick"]
