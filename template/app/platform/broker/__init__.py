"""The broker port: what Celery is told of the server that carries its messages."""

from typing import Any, Protocol

from kombu.utils.url import parse_url
from pydantic import SecretStr

from app.platform.configuration import Address, split


class BrokerKind(Protocol):
    """The settings of one kind of broker, the only one who can read its URL."""

    @property
    def url(self) -> SecretStr: ...

    @property
    def address(self) -> Address: ...

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        """What says that it does not know the password."""

    def transport_options(self, *, redeliver_after_seconds: float) -> dict[str, Any]:
        """Bound every wait, and get back what a dead worker held."""

    def proof(self) -> dict[str, Any]:
        """Say how a server proves who it is, where TLS is spoken."""

    def ping(self, channel: Any) -> None:
        """Have it answer, or raise."""


def read_url(url: str) -> tuple[Address, dict[str, Any]]:
    """Have kombu read a URL of one broker; raise for what it cannot use."""
    address = split(url)
    if ";" in url:
        raise ValueError("names several brokers: in a password, write %3B")
    return address, parse_url(url)
