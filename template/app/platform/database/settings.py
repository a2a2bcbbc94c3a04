"""Where PostgreSQL is, and how long anything may take."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field, SecretStr
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.platform.configuration import (
    Address,
    Limit,
    Refusal,
    Section,
    authorities,
    readable_by,
    refuse_address,
    refuse_arguments,
    tls_context,
)


def read_url(url: str) -> dict[str, Any]:
    """
    Give asyncpg's arguments for a URL: all of them, so that no `PG*` variable speaks.

    Raise `ValueError` for what it would refuse at the first query, and for TLS that
    would not check who answers.
    """
    found = _arguments(url)
    for name, what in NEEDED.items():
        if not found.get(name):
            raise ValueError(f"names no {what}")
    hosts = found["host"] if isinstance(found["host"], list) else [found["host"]]
    if any("@" in host for host in hosts):
        raise ValueError("has an @ in its host: in a password, write %40")
    ports = found.get("port", POSTGRESQL_PORT)
    title = found.get("application_name")
    return {
        "host": hosts,
        "port": ports if isinstance(ports, list) else [ports] * len(hosts),
        "user": found["user"],
        "password": found.get("password", ""),
        "database": found["database"],
        "ssl": _encrypted(found.get("ssl", "disable")),
        "direct_tls": False,
        "gsslib": "gssapi",
        "target_session_attrs": found.get("target_session_attrs", "any"),
        "server_settings": {"application_name": title} if title else {},
    }


type PostgresUrl = Annotated[SecretStr, readable_by(read_url, "postgresql+asyncpg")]

POSTGRESQL_PORT = 5432
NEEDED = {"host": "host", "user": "user", "database": "database"}
ARGUMENTS = ("ssl", "host", "port", "application_name", "target_session_attrs")
# What other drivers call it, and where this service has it.
ELSEWHERE = {
    "sslmode": "asyncpg's word is ?ssl=verify-full",
    "sslrootcert": "SSL_CERT_FILE names the authorities",
    "timeout": "it is DATABASE__CONNECT_TIMEOUT_SECONDS",
    "connect_timeout": "it is DATABASE__CONNECT_TIMEOUT_SECONDS",
    "command_timeout": "it is DATABASE__COMMAND_TIMEOUT_SECONDS",
    "statement_cache_size": "it is DATABASE__PREPARED_STATEMENTS",
    "prepared_statement_cache_size": "it is DATABASE__PREPARED_STATEMENTS",
}


class DatabaseSettings(Section):
    """
    `DATABASE__*` in the environment.

    A process holds at most `pool_size + pool_overflow` connections, twice that with
    a replica, and one that looks after the primary.
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
            if url is not None:
                yield from refuse_address(name, address_of(url.get_secret_value()))

    @property
    def session_url(self) -> SecretStr:
        """The URL that reaches PostgreSQL itself: locks and notifications need one."""
        return self.direct_url or self.url


def address_of(url: str) -> Address:
    """Tell where the driver would connect; a socket is no host."""
    arguments = read_url(url)
    hosts = tuple(host for host in arguments["host"] if not host.startswith("/"))
    return Address(
        hosts, arguments["user"], arguments["password"], arguments["ssl"] is not False
    )


def described(url: str) -> URL:
    """Name the database for logs and traces: without a secret."""
    arguments = read_url(url)
    return URL.create(
        "postgresql+asyncpg",
        host=arguments["host"][0],
        port=arguments["port"][0],
        database=arguments["database"],
    )


def _arguments(url: str) -> dict[str, Any]:
    """Have SQLAlchemy read the URL, and refuse what asyncpg does not know."""
    try:
        parsed = make_url(url)
        _, found = parsed.get_dialect()().create_connect_args(parsed)
    except (ArgumentError, AssertionError, ValueError):
        # What they have to say may quote the password.
        raise ValueError("is no URL that SQLAlchemy can read") from None
    for name, value in parsed.query.items():
        if name in ELSEWHERE:
            raise ValueError(f"cannot end in ?{name}=: {ELSEWHERE[name]}")
        if name != "host" and not isinstance(value, str):
            raise ValueError(f"says {name} twice")
    refuse_arguments(iter(parsed.query), known=ARGUMENTS)
    return dict(found)


def _encrypted(mode: str) -> Any:
    """Speak plain text or TLS with a server that proves who it is, and nothing else."""
    if mode == "disable":
        return False
    if mode != "verify-full":
        raise ValueError(
            f"must not say ssl={mode}: TLS that checks who answers is ssl=verify-full, "
            "and SSL_CERT_FILE names authorities of your own"
        )
    return tls_context(authorities())
