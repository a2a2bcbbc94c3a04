"""Messages on their way, messages dealt with, and messages that nobody could handle."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import false, func
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from app.platform.database import Base
from app.platform.database.postgresql import Json as JsonColumn

type Json = dict[str, Any]


class OutboxMessage(Base):
    """
    A task that is still to be done. Its row goes in the transaction that does it.

    It waits (`due_at` is when to send it), is sent, or runs under an `attempt_id`.
    For the last two `due_at` is a lease: when whoever holds the message vanishes, it
    falls due again.
    """

    __tablename__ = "outbox"

    task: Mapped[str]
    payload: Mapped[Json] = mapped_column(JsonColumn)
    # Request and trace of whoever caused it.
    context: Mapped[Json] = mapped_column(JsonColumn)
    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    # Attempts in a row that began and never said how they ended.
    crashes: Mapped[int] = mapped_column(default=0, server_default="0", init=False)
    sent: Mapped[bool] = mapped_column(
        default=False, server_default=false(), init=False
    )
    attempt_id: Mapped[UUID | None] = mapped_column(default=None, init=False)
    first_attempt_at: Mapped[datetime | None] = mapped_column(default=None, init=False)
    due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), index=True, init=False
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), init=False)


class InboxMessage(Base):
    """A task that has been done: the same message has no second effect."""

    __tablename__ = "inbox"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    task: Mapped[str]
    handled_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), index=True, init=False
    )


class QuarantinedMessage(Base):
    """A task that failed too often. It waits for a person."""

    __tablename__ = "quarantine"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    task: Mapped[str]
    payload: Mapped[Json] = mapped_column(JsonColumn)
    context: Mapped[Json] = mapped_column(JsonColumn)
    attempts: Mapped[int]
    error: Mapped[str]
    created_at: Mapped[datetime]
    quarantined_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), init=False
    )
