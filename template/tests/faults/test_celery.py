"""A real worker on a real broker, and what is left when it is killed."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import uuid4

import pytest
from sqlalchemy import text

from app import background, relay
from app.platform.database import Database
from app.platform.database.migrations import APP
from app.platform.events import Event
from app.platform.tasks.celery import CeleryTasks
from app.settings import Settings
from tests.faults.tasks import Counted, Poisoned, tasks

WORKER = (
    *(sys.executable, "-m", "celery", "-A", "tests.faults.celery_worker", "worker"),
    *("--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=error"),
)

GIVEN_BACK = """
SELECT count(*) > 0 FROM outbox WHERE NOT sent AND attempts = 0 AND due_at > created_at
"""


class Worker:
    """A worker in a process group of its own, which ends with the test."""

    def __init__(self, settings: Settings, version: str = "newer") -> None:
        self._process: Process | None = None
        self._environment = os.environ | {
            "WORKER_VERSION": version,
            "DATABASE__URL": settings.database.url.get_secret_value(),
            "TASKS__QUEUE": settings.tasks.queue,
            # Shorter than in production, so that the test need not wait for long.
            "TASKS__ATTEMPT_SECONDS": "2",
        }

    async def start(self) -> None:
        # On one machine, two of them need names of their own.
        name = f"--hostname={uuid4().hex}@%h"
        self._process = await asyncio.create_subprocess_exec(
            *WORKER, name, cwd=APP.parent, env=self._environment, process_group=0
        )

    async def kill(self) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    worker = Worker(settings)
    await worker.start()
    yield worker
    await worker.kill()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # A worker killed at the wrong moment takes a message with it until the lease ends.
    own = {"queue": uuid4().hex, "lease_seconds": 4}
    return settings.model_copy(update={"tasks": settings.tasks.model_copy(update=own)})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    stage = CeleryTasks(tasks).stage
    async with Database.open(settings.database, stage=stage) as database:
        async with database.unit_of_work() as unit:
            await unit.session.execute(text("CREATE TABLE effects (number bigint)"))
        yield database


@pytest.fixture
async def relaying(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """Run the relay as its entry point does, until it is told to end."""
    # The service's own periodic tasks are none that the worker knows.
    monkeypatch.setattr(background, "tasks", tasks)
    running = asyncio.create_task(relay.main(settings))
    yield
    os.kill(os.getpid(), signal.SIGTERM)
    await running


@pytest.mark.timeout(300)
async def test_each_task_has_its_effect_once_whatever_happens_to_the_worker(
    database: Database, relaying: None, worker: Worker
) -> None:
    """Killed from outside, and killed by a task of its own."""
    await _record(database, Poisoned())
    for number in range(40):
        await _record(database, Counted(number=number))

    await _until(database, "SELECT count(*) > 0 FROM effects")
    await worker.kill()
    await worker.start()
    await _until(database, "SELECT count(*) = 0 FROM outbox")

    assert await _scalar(database, "SELECT count(*) FROM effects") == 40
    assert await _scalar(database, "SELECT count(DISTINCT number) FROM effects") == 40
    assert await _scalar(database, "SELECT count(*) FROM quarantine") == 1


async def test_a_worker_whose_platform_does_not_open_ends_with_the_reason(
    settings: Settings,
) -> None:
    broken = {"SSL_CERT_FILE": os.devnull}
    process = await asyncio.create_subprocess_exec(
        *WORKER[:-1],
        "--loglevel=info",
        cwd=APP.parent,
        env=os.environ | {"TASKS__QUEUE": settings.tasks.queue} | broken,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        process_group=0,
    )
    try:
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    assert process.returncode != 0
    assert b"worker.cannot_start" in output
    assert b"holds no certificates" in output
    assert b" ready." not in output


@pytest.mark.timeout(300)
async def test_versions_that_run_side_by_side_have_one_effect_for_each_task(
    database: Database, relaying: None, settings: Settings
) -> None:
    """The older of them does not know the task, and may be there first or last."""
    first, newer, last = (Worker(settings, v) for v in ("older", "newer", "older"))
    try:
        await first.start()
        await _record(database, Counted(number=0))
        await _until(database, GIVEN_BACK)
        await newer.start()
        # Either of the two may get a message: of twenty, the newer gets some.
        for number in range(1, 20):
            await _record(database, Counted(number=number))
        await _until(database, "SELECT count(*) > 0 FROM effects")
        await last.start()
        for number in range(20, 40):
            await _record(database, Counted(number=number))
        await _until(database, "SELECT count(*) > 9 FROM effects")
        await first.kill()
        await last.kill()
        await _until(database, "SELECT count(*) = 0 FROM outbox")
    finally:
        for worker in (first, newer, last):
            await worker.kill()

    assert await _scalar(database, "SELECT count(*) FROM effects") == 40
    assert await _scalar(database, "SELECT count(DISTINCT number) FROM effects") == 40
    assert await _scalar(database, "SELECT count(*) FROM quarantine") == 0


async def _record(database: Database, event: Event) -> None:
    async with database.unit_of_work() as unit:
        unit.record(event)


async def _scalar(database: Database, query: str) -> int:
    async with database.read_session() as session:
        return await session.scalar(text(query)) or 0


async def _until(database: Database, condition: str) -> None:
    async with asyncio.timeout(120):
        while True:
            if await _scalar(database, condition):
                return
            await asyncio.sleep(0.02)
