"""What a request may ask of this service, and for how long."""

from pydantic import BaseModel, Field


class WebSettings(BaseModel, frozen=True):
    """`WEB__*` in the environment."""

    max_body_bytes: int = Field(1024 * 1024, ge=0)
    # Until the response begins. Longer than any time limit of what stands behind.
    deadline_seconds: float = Field(10.0, gt=0)
    # How long browsers keep to HTTPS once they have seen it.
    strict_transport_seconds: int = Field(31_536_000, ge=0)
