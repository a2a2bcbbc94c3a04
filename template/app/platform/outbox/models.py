"""Messages on their way, messages dealt with, and messages that nobody could handle."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from app.platform.database import Base

type Json = dict[str, Any]


class OutboxMessage(Base):
    """
    A task that is still to be done. Its row goes in the transaction that does it.

    `due_at` is a lease: whoever works on the message pushes it into the future, and
    when they vanish the message falls due again.
    """

    __tablename__ = "outbox"

    task: Mapped[str]
    payload: Mapped[Json] = mapped_column(JSONB)
    # Request and trace of whoever caused it.
    context: Mapped[Json] = mapped_column(JSONB)
    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
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
    payload: Mapped[Json] = mapped_column(JSONB)
    context: Mapped[Json] = mapped_column(JSONB)
    attempts: Mapped[int]
    error: Mapped[str]
    created_at: Mapped[datetime]
    quarantined_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), init=False
    )
