"""From events to messages: one for each task that an event starts."""

from collections.abc import Sequence
from uuid import UUID, uuid5

from app.platform.database import UnitOfWork
from app.platform.events import Event
from app.platform.observability import context
from app.platform.outbox.models import OutboxMessage
from app.platform.outbox.outbox import Outbox
from app.platform.tasks.router import Task, TaskRouter, Tick

_TICKS = UUID("6f0d1f3c-4c1f-5d0e-9f5c-0d8f2f6f4d11")


async def stage(unit: UnitOfWork, events: Sequence[Event], tasks: TaskRouter) -> None:
    """Leave a message for each task, in the transaction that the events report."""
    messages = [
        _message(task, event) for event in events for task in tasks.started_by(event)
    ]
    await Outbox(unit.session).put(messages)


async def stage_tick(unit: UnitOfWork, task: Task, tick: Tick) -> None:
    """Leave the one message of a tick, in the transaction that takes note of it."""
    message = _message(task, tick)
    message.id = uuid5(_TICKS, f"{task.name}:{tick.due_at.isoformat()}")
    await Outbox(unit.session).put([message])


def _message(task: Task, event: Event) -> OutboxMessage:
    payload = event.model_dump(mode="json")
    return OutboxMessage(task=task.name, payload=payload, context=context.carry())
