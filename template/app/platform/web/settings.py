"""What a request may ask of this service, and for how long."""

from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from app.platform.configuration import Limit, Section


class WebSettings(Section):
    """`WEB__*` in the environment."""

    root_path: Annotated[str, StringConstraints(pattern=r"^(/[\w.~-]+)*$")] = ""
    """What a gateway takes off the front of each path, like /shop: /docs needs it."""
    max_body_bytes: int = Field(1024 * 1024, ge=0)
    """A request with a larger body is refused."""
    deadline_seconds: float = Field(10.0, gt=0)
    """Until a response begins; longer than any time limit of what stands behind."""
    strict_transport_seconds: int = Field(31_536_000, ge=0)
    """How long browsers keep to HTTPS once they have seen it; 0 says nothing of it."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "DATABASE__CHECKOUT_TIMEOUT_SECONDS",
            "DATABASE__COMMAND_TIMEOUT_SECONDS",
            below="WEB__DEADLINE_SECONDS",
            reason="a request is cut off before it hears what the database lacks",
        ),
        Limit(
            "DATABASE__CONNECT_TIMEOUT_SECONDS",
            "DATABASE__COMMAND_TIMEOUT_SECONDS",
            below="WEB__DEADLINE_SECONDS",
            reason="a request is cut off before it hears what the database lacks",
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="DATABASE__IDLE_IN_TRANSACTION_TIMEOUT_SECONDS",
            reason="the transaction of a request that waits ends before the request",
        ),
        Limit(
            "HTTP__DEADLINE_SECONDS",
            below="WEB__DEADLINE_SECONDS",
            reason="a request is cut off before it hears that a third party is silent",
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="IDEMPOTENCY__RETENTION_HOURS",
            reason="a key is forgotten before its client has read the answer",
        ),
        Limit(
            "WEB__DEADLINE_SECONDS",
            below="SERVER__FINISH_SECONDS",
            reason="requests that have begun are cut off when the process stops",
        ),
    )
