"""The tables of the webhooks module."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Json, Model, Owned

PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"


class Subscription(Owned, Model):
    __tablename__ = "webhook_subscriptions"
    __table_args__ = (Index(None, "owner_id", "id"),)

    url: Mapped[str] = mapped_column(String(2000))
    description: Mapped[str | None] = mapped_column(String(200), default=None)
    events: Mapped[list[str]] = mapped_column(Json, default_factory=list)
    # Who is told when it is disabled.
    contact: Mapped[str | None] = mapped_column(String(254), default=None)
    # Which of its secrets signs; the one before it signs, too, until a time.
    secret_number: Mapped[int] = mapped_column(default=1)
    previous_until: Mapped[datetime | None] = mapped_column(default=None)
    disabled_because: Mapped[str | None] = mapped_column(String(16), default=None)
    # All has failed since then.
    failing_since: Mapped[datetime | None] = mapped_column(default=None)
    # A receiver that does not answer is left alone until then.
    held_until: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def enabled(self) -> bool:
        return self.disabled_because is None


class Delivery(Owned, Model):
    """One event for one subscription, and what came of it so far."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(None, "subscription_id", "id"),
        Index(None, "due_at"),
        Index(None, "created_at"),
    )

    subscription_id: Mapped[UUID] = mapped_column(ForeignKey(Subscription.id))
    event: Mapped[str] = mapped_column(String(100))
    # The very text that is signed and sent, at each attempt.
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), default=PENDING)
    # Counted anew when it is sent again.
    made: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[list[dict[str, Any]]] = mapped_column(Json, default_factory=list)
    # None while an attempt is on its way, and when there is none to come.
    due_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def message_id(self) -> str:
        return f"msg_{self.id.hex}"
