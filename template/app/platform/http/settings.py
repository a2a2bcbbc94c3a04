"""How long a call to a third party may take, and how much of it there may be."""

from pydantic import BaseModel, Field


class HttpSettings(BaseModel, frozen=True):
    """`HTTP__*` in the environment."""

    # A call with all its attempts and pauses; a call may ask for another deadline.
    deadline_seconds: float = Field(3.0, gt=0)
    connect_timeout_seconds: float = Field(1.0, gt=0)
    max_response_bytes: int = Field(2 * 1024 * 1024, gt=0)

    max_connections: int = Field(100, ge=1)
    max_connections_per_host: int = Field(20, ge=1)
    max_idle_connections: int = Field(20, ge=0)
    idle_connection_seconds: float = Field(30.0, ge=0)
    connection_wait_seconds: float = Field(0.5, gt=0)

    attempts: int = Field(3, ge=1)
    first_pause_seconds: float = Field(0.05, ge=0)
    longest_pause_seconds: float = Field(0.25, ge=0)
    retry_share: float = Field(0.1, ge=0, le=1)
    retry_floor: int = Field(5, ge=0)
    retry_window_seconds: float = Field(10.0, gt=0)

    breaker_failures: int = Field(5, ge=1)
    breaker_open_seconds: float = Field(10.0, gt=0)
