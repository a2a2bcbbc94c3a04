"""The table of sessions, where no cache keeps them."""

from datetime import datetime
from typing import Any

from sqlalchemy import String, func
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Base, Json


class StoredSession(Base):
    """Whose it is and until when; what shows it is not here."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    principal_id: Mapped[str] = mapped_column(String(255), index=True)
    # With its scopes, as it was when the session began.
    principal: Mapped[dict[str, Any]] = mapped_column(Json)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), default=None, init=False
    )
    seen_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), default=None, init=False
    )
