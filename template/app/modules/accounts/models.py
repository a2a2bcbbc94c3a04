"""The tables of the accounts module."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Model, unique_among_living


class Account(Model):
    __tablename__ = "accounts"
    __table_args__ = (unique_among_living("email"),)

    # In lower case: one address is one account.
    email: Mapped[str] = mapped_column(String(254))
    password_hash: Mapped[str] = mapped_column(String(200), repr=False)
    # Words with spaces between them, as OAuth2 has it.
    scopes: Mapped[str] = mapped_column(String(1000), default="")
    verified_at: Mapped[datetime | None] = mapped_column(default=None)


class AuditEvent(Model):
    """Something that somebody may have to answer for."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "created_at"),)

    kind: Mapped[str] = mapped_column(String(64))
    # Kept when the account is gone.
    account_id: Mapped[UUID | None] = mapped_column(index=True)
    request_id: Mapped[str | None] = mapped_column(String(128))
