"""The table of the accounts."""

from datetime import datetime

from sqlalchemy import String
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
