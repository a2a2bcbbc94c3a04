"""Where PostgreSQL is, and how long anything may take."""

from pydantic import BaseModel, Field, SecretStr


class DatabaseSettings(BaseModel, frozen=True):
    """
    `DATABASE__*` in the environment.

    A process holds at most `pool_size + pool_overflow` connections, twice that with
    a replica.
    """

    url: SecretStr
    # Past a pooler in transaction mode, for what needs a session of its own.
    direct_url: SecretStr | None = None
    replica_url: SecretStr | None = None

    pool_size: int = Field(10, ge=1)
    pool_overflow: int = Field(5, ge=0)
    recycle_after_seconds: int = Field(1800, gt=0)
    checkout_timeout_seconds: float = Field(2.0, gt=0)
    connect_timeout_seconds: float = Field(3.0, gt=0)
    command_timeout_seconds: float = Field(6.0, gt=0)
    statement_timeout_seconds: float = Field(5.0, gt=0)
    lock_timeout_seconds: float = Field(2.0, gt=0)
    idle_in_transaction_timeout_seconds: float = Field(10.0, gt=0)
    # 0 behind PgBouncer < 1.21, which loses prepared statements between transactions.
    prepared_statements: int = Field(100, ge=0)

    @property
    def session_url(self) -> str:
        """The URL that reaches PostgreSQL itself: locks and notifications need one."""
        return (self.direct_url or self.url).get_secret_value()
