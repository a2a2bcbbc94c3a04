"""The table of answers already given."""

from datetime import datetime

from sqlalchemy import Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base


class IdempotencyKey(Base):
    """
    One answer, kept until it expires.

    The key itself is not stored, only a hash of it and of what it was sent to.
    """

    __tablename__ = "idempotency_keys"

    key_hash: Mapped[bytes] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[bytes]
    status: Mapped[int]
    headers: Mapped[list[tuple[str, str]]] = mapped_column(JSONB)
    body: Mapped[bytes]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), default=None, init=False
    )
