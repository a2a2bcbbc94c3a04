"""The task port: whatever carries committed events to the tasks that wait for them."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.tasks.router import Task, TaskRouter, Tick


class TaskQueue(Protocol):
    """Starts each task that an event calls for, at least once, after the commit."""

    async def stage(self, unit: UnitOfWork, events: Sequence[Event]) -> None:
        """Called in the transaction, just before it commits."""

    def running(self, ports: Any) -> AbstractAsyncContextManager[None]:
        """Lend the opened ports to a queue that runs tasks in this process."""


__all__ = ["Task", "TaskQueue", "TaskRouter", "Tick"]
