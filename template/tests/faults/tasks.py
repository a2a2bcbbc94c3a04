"""Tasks of the tests' own, of which one is the end of its worker."""

import os
import signal
from datetime import timedelta

from sqlalchemy import text

from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.tasks import TaskRouter


class Counted(Event):
    number: int


class Poisoned(Event):
    pass


tasks = TaskRouter("faults")


@tasks.on(Counted, timeout=timedelta(seconds=1))
async def count(event: Counted, unit: UnitOfWork, _: object) -> None:
    """Leave a row, slowly, so that some are under way whenever the worker dies."""
    await unit.session.execute(
        text("INSERT INTO effects (number) VALUES (:number)"), {"number": event.number}
    )
    await unit.session.execute(text("SELECT pg_sleep(0.02)"))


@tasks.on(Poisoned, crashes=2, timeout=timedelta(seconds=1))
async def die(_: Poisoned, __: UnitOfWork, ___: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
