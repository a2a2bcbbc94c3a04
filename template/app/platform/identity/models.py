"""The keys that sign, each sealed with the secret of the service."""

from datetime import datetime

from sqlalchemy import String, func
from sqlalchemy.orm import Mapped, mapped_column

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
