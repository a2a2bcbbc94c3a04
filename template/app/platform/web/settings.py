"""What a request may ask of this service, and for how long."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.platform.configuration import Section


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
