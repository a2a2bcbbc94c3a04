"""What a transaction leaves behind for the relay, and what has been handled before."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched
from typing import Any, ClassVar
from uuid import UUID, uuid5

from pydantic import Field
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    and_,
    case,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from uuid_utils.compat import uuid7

from app.platform.configuration import Limit, Section
from app.platform.database import UnitOfWork
from app.platform.database.engine import rows
from app.platform.database.postgresql import (
    change_one,
    from_now,
    take_and_update,
)
from app.platform.database.postgresql_text import insertion
from app.platform.events import Event
from app.platform.observability import context
from app.platform.outbox.models import InboxMessage, Message, OutboxMessage, said
from app.platform.tasks.router import Task, TaskRouter, Tick


class OutboxSettings(Section):
    """`TASKS__*` in the environment, whatever the queue."""

    relay_batch: int = Field(100, ge=1)
    """How many messages the relay hands over at once."""
    relay_poll_seconds: float = Field(1.0, gt=0)
    """How often the relay looks by itself, for when a notification was missed."""
    claim_seconds: float = Field(30.0, gt=0)
    """How long a relay that dies holds back what it claimed."""
    lease_seconds: float = Field(300.0, gt=0)
    """
    How long a message waits that the broker lost. More than a backlog lasts, or what
    merely waits is sent again.
    """
    attempt_seconds: float = Field(120.0, gt=0)
    """
    When an attempt whose worker vanished is made again: the hard limit of one, and
    more than any task's timeout.
    """
    unknown_task_seconds: float = Field(3600.0, gt=0)
    """
    How long a message waits for a worker that knows its task: more than the time in
    which old and new versions run side by side.
    """
    inbox_retention_days: int = Field(14, ge=1)
    """How long a repetition is recognised: longer than a broker keeps a message."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "TASKS__RELAY_POLL_SECONDS",
            below="TASKS__CLAIM_SECONDS",
            reason="what a dead relay had claimed is due long before anybody looks",
        ),
        Limit(
            "TASKS__RELAY_POLL_SECONDS",
            below="TASKS__LEASE_SECONDS",
            reason="every look finds what is on its way, and sends it again",
        ),
        Limit(
            "TASKS__LEASE_SECONDS",
            below="TASKS__INBOX_RETENTION_DAYS",
            reason="what is sent again is not recognised, and has its effect twice",
        ),
        Limit(
            "TASKS__ATTEMPT_SECONDS",
            below="TASKS__INBOX_RETENTION_DAYS",
            reason="what is tried again is not recognised, and has its effect twice",
        ),
    )

    def contradictions(self, tasks: TaskRouter) -> Iterator[str]:
        """Name the tasks that may outlast what waits for them."""
        for task in tasks:
            seconds = task.timeout.total_seconds()
            if seconds >= self.attempt_seconds:
                yield (
                    f"The timeout of {task.name} ({seconds:g} s) must be below "
                    f"TASKS__ATTEMPT_SECONDS ({self.attempt_seconds:g}), or its "
                    "attempts overlap."
                )
        yield from tasks.contradictions()


CHANNEL = "outbox"
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages that are one relay's for a time, of so many that it looked at."""

    messages: Sequence[OutboxMessage]
    looked: int


class Outbox:
    """The messages that are still to be handled."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def put(self, messages: Iterable[Message]) -> None:
        """Store messages; one whose id is there already stays as it is."""
        for new in batched(map(said, messages), AT_ONCE):
            await rows(self._session, *insertion(OutboxMessage, new, ignore=True))

    async def claim(
        self, destination: str, *, limit: int, lease: timedelta, behind: timedelta
    ) -> Claim:
        """
        Take what is due, also from an attempt whose lease is over.

        Of the messages with one key, only the first: those behind it are not due again
        until it is gone, or after a time.
        """
        due = (
            select(OutboxMessage)
            .where(
                OutboxMessage.destination == destination,
                OutboxMessage.due_at <= func.now(),
            )
            .order_by(OutboxMessage.due_at)
            .limit(limit)
        )
        values = {
            "due_at": from_now(lease),
            "sent": True,
            "attempt_id": None,
            "crashes": _crashes(),
        }
        taken = await take_and_update(self._session, due, values, OutboxMessage)
        looked = [row.OutboxMessage for row in taken]
        keyed = [message.id for message in looked if message.key is not None]
        later = await self._put_behind(keyed, behind) if keyed else ()
        return Claim([each for each in looked if each.id not in later], len(looked))

    async def _put_behind(
        self, ids: Sequence[UUID], behind: timedelta
    ) -> Container[UUID]:
        """
        Give back what is not the first of its key.

        When a message goes, the next of its key falls due (`notify_outbox_of_next`).
        So one waits for that only behind a message that cannot go at this moment.
        """
        earlier = aliased(OutboxMessage)
        first = select(earlier.id).where(
            earlier.destination == OutboxMessage.destination,
            earlier.key == OutboxMessage.key,
            earlier.position < OutboxMessage.position,
        )
        first = first.order_by(earlier.position).limit(1)
        stays = first.with_for_update(read=True, key_share=True, skip_locked=True)
        query = select(
            OutboxMessage.id, first.scalar_subquery(), stays.scalar_subquery()
        )
        found = await self._session.execute(query.where(OutboxMessage.id.in_(ids)))
        later = {id_: stays for id_, first, stays in found if first is not None}
        if not later:
            return later
        wait = OutboxMessage.id.in_([id_ for id_, stays in later.items() if stays])
        await self._session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id.in_(later))
            .values(sent=False, due_at=case((wait, from_now(behind)), else_=func.now()))
        )
        return later

    async def extend(
        self, claimed: Sequence[OutboxMessage], *, lease: timedelta
    ) -> None:
        """Move the lease of the messages that nobody has begun or claimed since."""
        await self._session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.id.in_([message.id for message in claimed]),
                OutboxMessage.due_at == claimed[0].due_at,
                OutboxMessage.attempt_id.is_(None),
            )
            .values(due_at=from_now(lease))
        )

    async def begin(self, id_: UUID, *, lease: timedelta) -> OutboxMessage | None:
        """
        Hold a message for an attempt; none if another has it or it is not due.

        The attempt is counted before it is made, so that one which kills still counts.
        Any copy of a sent message may begin it, and not only the newest: else a backlog
        that outlasts the lease would be sent again for ever.
        """
        free = and_(OutboxMessage.sent, OutboxMessage.attempt_id.is_(None))
        may = and_(
            OutboxMessage.id == id_,
            free | (OutboxMessage.due_at <= func.now()),
            ~exists().where(InboxMessage.id == id_),
        )
        values = {
            "attempts": OutboxMessage.attempts + 1,
            "attempt_id": uuid7(),
            "crashes": _crashes(),
            "first_attempt_at": func.coalesce(
                OutboxMessage.first_attempt_at, func.now()
            ),
            "sent": True,
            "due_at": from_now(lease),
        }
        return await change_one(self._session, OutboxMessage, may, values)

    async def postpone(self, message: OutboxMessage, *, delay: timedelta) -> bool:
        """Let an attempt be followed by another; false if the message is not its."""
        return await self._release(message, delay, crashes=0)

    async def give_back(self, message: OutboxMessage, *, delay: timedelta) -> bool:
        """Undo what `begin` has counted: there was no attempt."""
        first = case((OutboxMessage.attempts > 1, OutboxMessage.first_attempt_at))
        return await self._release(
            message, delay, attempts=OutboxMessage.attempts - 1, first_attempt_at=first
        )

    async def find(self, id_: UUID) -> OutboxMessage | None:
        return await self._session.get(OutboxMessage, id_)

    async def remove(self, *ids: UUID) -> None:
        """End messages that were sent, or have their effect in this transaction."""
        ended = delete(OutboxMessage).where(OutboxMessage.id.in_(ids))
        await self._session.execute(ended)

    async def withdraw(self, message: OutboxMessage) -> bool:
        """End a message without its effect; false if it is another attempt's."""
        gone = await self._session.execute(delete(OutboxMessage).where(_mine(message)))
        return isinstance(gone, CursorResult) and gone.rowcount == 1

    async def _release(
        self, message: OutboxMessage, delay: timedelta, **values: Any
    ) -> bool:
        values |= {"attempt_id": None, "sent": False, "due_at": from_now(delay)}
        mine = _mine(message)
        return await change_one(self._session, OutboxMessage, mine, values) is not None


def _mine(message: OutboxMessage) -> ColumnElement[bool]:
    return and_(
        OutboxMessage.id == message.id, OutboxMessage.attempt_id == message.attempt_id
    )


def _crashes() -> ColumnElement[int]:
    """Count the attempt that is taken from whoever held it."""
    lost = case((OutboxMessage.attempt_id.is_(None), 0), else_=1)
    return OutboxMessage.crashes + lost


_TICKS = UUID("6f0d1f3c-4c1f-5d0e-9f5c-0d8f2f6f4d11")


async def stage(unit: UnitOfWork, events: Sequence[Event], tasks: TaskRouter) -> None:
    """Leave a message for each task, in the transaction that the events report."""
    pairs = ((task, event) for event in events for task in tasks.started_by(event))
    messages = [_message(task, event) for task, event in pairs]
    if len(messages) > AT_ONCE:
        await Outbox(unit.session).put(messages)
    elif messages:
        new = [said(message) for message in messages]
        unit.write_last(insertion(OutboxMessage, new, ignore=True))


async def stage_tick(unit: UnitOfWork, task: Task, tick: Tick) -> None:
    """Leave the one message of a tick, in the transaction that takes note of it."""
    message = _message(task, tick)
    message.id = uuid5(_TICKS, f"{task.name}:{tick.due_at.isoformat()}")
    await Outbox(unit.session).put([message])


def _message(task: Task, event: Event) -> OutboxMessage:
    return OutboxMessage(
        name=task.name,
        key=task.key_of(event),
        payload=event.model_dump(mode="json"),
        headers=context.carry(),
    )
