"""How long a call to a third party may take, and how much of it there may be."""

from typing import ClassVar

from pydantic import Field

from app.platform.configuration import Limit, Section


class HttpSettings(Section):
    """`HTTP__*` in the environment."""

    deadline_seconds: float = Field(3.0, gt=0)
    """For a call with all its attempts and pauses; a call may ask for another."""
    connect_timeout_seconds: float = Field(1.0, gt=0)
    """How long to wait for a new connection."""
    max_response_bytes: int = Field(2 * 1024 * 1024, gt=0)
    """Where reading an answer stops."""

    max_connections: int = Field(100, ge=1)
    """Of each process, to all hosts."""
    max_connections_per_host: int = Field(20, ge=1)
    """Of each process, to one host: calls beyond wait for their turn."""
    max_idle_connections: int = Field(20, ge=0)
    """Kept open for the next call."""
    idle_connection_seconds: float = Field(30.0, ge=0)
    """How long they are kept."""
    connection_wait_seconds: float = Field(0.5, gt=0)
    """How long a call waits for its turn."""

    attempts: int = Field(3, ge=1)
    """At most so many for one call, the first among them."""
    first_pause_seconds: float = Field(0.05, ge=0)
    """Before the second attempt; each further pause is longer."""
    longest_pause_seconds: float = Field(0.25, ge=0)
    """No pause is longer than this."""
    retry_share: float = Field(0.1, ge=0, le=1)
    """How many of a host's calls may be repetitions, as a share of one."""
    retry_floor: int = Field(5, ge=0)
    """So many repetitions within the window are always allowed."""
    retry_window_seconds: float = Field(10.0, gt=0)
    """What counts as recent for the share."""

    breaker_failures: int = Field(5, ge=1)
    """So many failures in a row stop all calls to a host."""
    breaker_open_seconds: float = Field(10.0, gt=0)
    """How long until one call may try again."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "HTTP__CONNECTION_WAIT_SECONDS",
            "HTTP__CONNECT_TIMEOUT_SECONDS",
            below="HTTP__DEADLINE_SECONDS",
            reason="no time is left for the call itself",
        ),
    )
