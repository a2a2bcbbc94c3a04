"""The table of security events, and how long they stay there."""

from pydantic import Field
from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.configuration import Section
from app.platform.database import Model


class AuditSettings(Section):
    """`AUDIT__*` in the environment."""

    days: int = Field(365, ge=1)
    """How long security events are kept in the database."""


class AuditEvent(Model):
    """Something that somebody may have to answer for."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "created_at"),)

    kind: Mapped[str] = mapped_column(String(64))
    # Whom it is about, who may be gone: no foreign key.
    principal_id: Mapped[str | None] = mapped_column(String(255), index=True)
    # Which of its things: the prefix of a key.
    about: Mapped[str | None] = mapped_column(String(64))
    # Who has done it: an admin, say, or the service for an operator.
    caller_id: Mapped[str] = mapped_column(String(255))
    request_id: Mapped[str | None] = mapped_column(String(128))

    def described(self) -> str:
        """Say when, what, of whom, of what, by whom and in which request."""
        when = self.created_at.isoformat(timespec="seconds")
        what = (self.kind, self.principal_id, self.about)
        words = (when, *what, self.caller_id, self.request_id)
        return "\t".join(word or "-" for word in words)
