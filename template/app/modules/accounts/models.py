"""The tables of the accounts module."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
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


class TokenFamily(Model):
    """One log-in, and the refresh tokens that followed each other since."""

    __tablename__ = "token_families"

    account_id: Mapped[UUID] = mapped_column(ForeignKey(Account.id), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    # The newest token bears this number; whoever shows an older one shows a copy.
    generation: Mapped[int] = mapped_column(default=1)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class AuditEvent(Model):
    """Something that somebody may have to answer for."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "created_at"),)

    kind: Mapped[str] = mapped_column(String(64))
    # Kept when the account is gone.
    account_id: Mapped[UUID | None] = mapped_column(index=True)
    request_id: Mapped[str | None] = mapped_column(String(128))
