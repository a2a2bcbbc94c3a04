"""The table of the keys, and what of a key it holds."""

import re
from datetime import datetime
from hashlib import sha256
from secrets import token_hex, token_urlsafe
from typing import NamedTuple, Self

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.platform.database import Model, Owned, unique_among_living

# A key of one environment is none in another.
ENVIRONMENTS = {"development": "dev", "staging": "stg", "production": "prod"}
_FORM = re.compile(r"sk_(?P<of>[a-z]+)_(?P<prefix>[0-9a-f]{16})_[A-Za-z0-9_-]{43}")


class Secret(NamedTuple):
    """What is shown once: the table has its prefix, and a digest of it all."""

    text: str
    prefix: str

    @classmethod
    def new(cls, environment: str) -> Self:
        prefix = token_hex(8)
        # Nobody guesses 256 random bits, so a slow hash would only slow us.
        text = f"sk_{ENVIRONMENTS[environment]}_{prefix}_{token_urlsafe(32)}"
        return cls(text, prefix)

    @classmethod
    def read(cls, text: str, environment: str) -> Self | None:
        found = _FORM.fullmatch(text)
        if found is None or found["of"] != ENVIRONMENTS[environment]:
            return None
        return cls(text, found["prefix"])

    @property
    def digest(self) -> bytes:
        return sha256(self.text.encode()).digest()


class ApiKey(Owned, Model):
    """It acts for its owner, with these scopes at most; a revoked one is deleted."""

    __tablename__ = "api_keys"
    __table_args__ = (unique_among_living("prefix"), Index(None, "owner_id", "id"))

    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[bytes] = mapped_column(repr=False)
    # Words with spaces between them, as OAuth2 has it.
    scopes: Mapped[str] = mapped_column(String(1000))
    tenant: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
