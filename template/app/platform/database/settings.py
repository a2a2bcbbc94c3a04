"""Where PostgreSQL is, and how long anything may take."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr
from sqlalchemy.engine import make_url

from app.platform.configuration import (
    SECTION,
    Limit,
    Refusal,
    Section,
    ServiceSettings,
    refuse_url,
    speaks,
)

type PostgresUrl = Annotated[SecretStr, speaks("postgresql+asyncpg")]


class DatabaseSettings(Section):
    """
    `DATABASE__*` in the environment.

    A process holds at most `pool_size + pool_overflow` connections, twice that with
    a replica.
    """

    url: PostgresUrl
    """postgresql+asyncpg://user:password@host/name, with ?ssl=verify-full for TLS."""
    direct_url: PostgresUrl | None = None
    """Past a pooler in transaction mode, for what needs a session of its own."""
    replica_url: PostgresUrl | None = None
    """Where read sessions go, if not to the primary."""

    pool_size: int = Field(10, ge=1)
    """Connections that each process keeps, and as many again to a replica."""
    pool_overflow: int = Field(5, ge=0)
    """Connections beyond those, opened under load and closed after it."""
    recycle_after_seconds: int = Field(1800, gt=0)
    """How old a connection may become."""
    checkout_timeout_seconds: float = Field(2.0, gt=0)
    """How long to wait for a free connection."""
    connect_timeout_seconds: float = Field(3.0, gt=0)
    """How long to wait for a new connection."""
    command_timeout_seconds: float = Field(6.0, gt=0)
    """How long this process waits for a statement: longer than the server does."""
    statement_timeout_seconds: float = Field(5.0, gt=0)
    """How long the server lets a statement run."""
    lock_timeout_seconds: float = Field(2.0, gt=0)
    """How long a statement may wait for a lock."""
    idle_in_transaction_timeout_seconds: float = Field(12.0, gt=0)
    """How long a transaction may do nothing: longer than a request may take."""
    prepared_statements: int = Field(100, ge=0)
    """Kept per connection; 0 behind PgBouncer < 1.21, which loses them."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "DATABASE__LOCK_TIMEOUT_SECONDS",
            below="DATABASE__STATEMENT_TIMEOUT_SECONDS",
            reason="nobody hears that a statement has waited for a lock",
        ),
        Limit(
            "DATABASE__STATEMENT_TIMEOUT_SECONDS",
            below="DATABASE__COMMAND_TIMEOUT_SECONDS",
            reason="a slow statement costs its connection",
        ),
    )

    def unsafe(self) -> Iterator[Refusal]:
        for name in ("url", "direct_url", "replica_url"):
            url: SecretStr | None = getattr(self, name)
            yield from refuse_url(name, url, encrypted=_insists_on_tls(url))

    @property
    def session_url(self) -> str:
        """The URL that reaches PostgreSQL itself: locks and notifications need one."""
        return (self.direct_url or self.url).get_secret_value()


class DatabaseAlone(ServiceSettings):
    """For migrations, and an operator's commands: they need no other server."""

    database: DatabaseSettings = SECTION


def _insists_on_tls(url: SecretStr | None) -> bool:
    """The driver asks for TLS by itself, and does without when refused."""
    query = make_url(url.get_secret_value()).query if url else {}
    return query.get("ssl") in {"require", "verify-ca", "verify-full"}
