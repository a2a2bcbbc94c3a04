"""Messages on their way, messages dealt with, and messages that nobody could handle."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Identity, Index, String, column, false, func
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column
from uuid_utils.compat import uuid7

from app.platform.database import Base
from app.platform.database.postgresql import Json as JsonColumn

type Json = dict[str, Any]

TASKS = "tasks"
MAX_ERROR = 500


class Message(MappedAsDataclass, kw_only=True):
    """What is said, to whom, and after what."""

    name: Mapped[str] = mapped_column(String(200))
    """A task's, or what a stream's readers know it by."""
    payload: Mapped[Json] = mapped_column(JsonColumn)
    headers: Mapped[Json] = mapped_column(JsonColumn)
    """Principal, request and trace of whoever caused it."""
    destination: Mapped[str] = mapped_column(String(100), default=TASKS)
    key: Mapped[str | None] = mapped_column(String(200), default=None)
    """Of those with one key and destination, none is sent before an earlier is done."""
    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)


class OutboxMessage(Message, Base):
    """
    A message that is still to be sent, or a task that is still to be done.

    It waits (`due_at` is when to send it), is sent, or runs under an `attempt_id`.
    For the last two `due_at` is a lease: when whoever holds the message vanishes, it
    falls due again. Its row goes in the transaction that does the task.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(None, "destination", "due_at"),
        Index(
            "ix_outbox_key",
            *("destination", "key", "position"),
            postgresql_where=column("key").is_not(None),
        ),
    )

    # The order of a key: the clocks that its ids come from need not agree.
    position: Mapped[int] = mapped_column(Identity(always=True), init=False)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    # Attempts in a row that began and never said how they ended.
    crashes: Mapped[int] = mapped_column(default=0, server_default="0", init=False)
    sent: Mapped[bool] = mapped_column(
        default=False, server_default=false(), init=False
    )
    attempt_id: Mapped[UUID | None] = mapped_column(default=None, init=False)
    first_attempt_at: Mapped[datetime | None] = mapped_column(default=None, init=False)
    due_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)


class InboxMessage(Base):
    """A task that has been done: the same message has no second effect."""

    __tablename__ = "inbox"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(String(200))
    handled_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), index=True, init=False
    )


class QuarantinedMessage(Message, Base):
    """A task that failed too often. It waits for a person."""

    __tablename__ = "quarantine"

    attempts: Mapped[int]
    error: Mapped[str] = mapped_column(String(MAX_ERROR))
    created_at: Mapped[datetime]
    quarantined_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), init=False
    )


_SAID = ("id", "destination", "name", "key", "payload", "headers")


def said(message: Message) -> Json:
    """Name what a message keeps wherever it goes."""
    return {column: getattr(message, column) for column in _SAID}
