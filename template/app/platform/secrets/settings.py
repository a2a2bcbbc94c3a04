"""What each way to a manager has: how often to read, and how long to wait."""

from typing import TYPE_CHECKING

from pydantic import Field

from app.platform.configuration import Section

if TYPE_CHECKING:
    from app.platform.secrets import Secrets


class SecretsSettings(Section):
    """`SECRETS__*` in the environment: what leads to the manager is never in it."""

    refresh_seconds: float = Field(60.0, ge=1)
    """How often each process reads the secrets anew, give or take a fifth."""
    start_seconds: float = Field(10.0, ge=0)
    """How long a start waits for a manager that does not answer."""
    timeout_seconds: float = Field(3.0, gt=0)
    """How long one answer may take."""

    @property
    def place(self) -> str:
        """Say where the secrets are; nowhere, and all come from the environment."""
        raise NotImplementedError

    def opened(self) -> "Secrets":
        """Give what this process has read there, or is about to."""
        raise NotImplementedError
