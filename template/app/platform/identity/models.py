"""The keys that sign, each sealed with the secret of the service; and the log-ins."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, func
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from app.platform.database import Base


class SigningKey(Base):
    """It signs from `active_at` until a newer one does, and is believed longer."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(32), primary_key=True)
    sealed: Mapped[bytes]
    active_at: Mapped[datetime]
    retires_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), default=None, init=False
    )


class TokenFamily(Base):
    """One log-in, and the refresh tokens that followed each other since."""

    __tablename__ = "token_families"

    id: Mapped[UUID] = mapped_column(
        primary_key=True, default_factory=uuid7, init=False
    )
    principal_id: Mapped[str] = mapped_column(String(255), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    # The newest token bears this number; whoever shows an older one shows a copy.
    generation: Mapped[int] = mapped_column(default=1)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), default=None, init=False
    )
