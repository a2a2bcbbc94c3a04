"""RabbitMQ as a broker: what it needs to lose nothing and to give back in time."""

import ssl
from collections.abc import Iterator
from typing import Annotated, Any

from amqp.exceptions import AccessRefused
from pydantic import SecretStr

from app.platform import broker
from app.platform.configuration import (
    Address,
    Refusal,
    Section,
    authorities,
    readable_by,
    refuse_address,
)


def read_url(url: str) -> Address:
    """Raise for what would fail at the first message."""
    address, found = broker.read_url(url)
    return address._replace(encrypted=found["transport"] == "amqps")


class RabbitmqBrokerSettings(Section):
    """`BROKER__*` in the environment."""

    url: Annotated[SecretStr, readable_by(read_url, "amqp", "amqps")]
    """Where the broker is, with user and password if needed."""

    @property
    def address(self) -> Address:
        return read_url(self.url.get_secret_value())

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        return (AccessRefused,)

    def unsafe(self) -> Iterator[Refusal]:
        yield from refuse_address("url", self.address)

    def transport_options(self, *, redeliver_after_seconds: float) -> dict[str, Any]:
        """
        Believe a message sent only when the broker has confirmed it.

        What a dead worker held comes back when its connection closes.
        """
        return {
            "confirm_publish": True,
            "connect_timeout": 2,
            "read_timeout": 5,
            "write_timeout": 5,
        }

    def proof(self) -> dict[str, Any]:
        """Demand a certificate of the host's own, which has the name in the URL."""
        return {
            "cert_reqs": ssl.CERT_REQUIRED,
            "ca_certs": authorities(),
            # kombu puts the host's name in its place; left out, no name is checked.
            "server_hostname": None,
        }

    def ping(self, channel: Any) -> None:
        """Declare what is true of each channel: it is answered, and changes nothing."""
        channel.basic_qos(0, 0, a_global=False)
