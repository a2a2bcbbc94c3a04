"""Redis as a broker: what it needs to lose nothing and to give back in time."""

import ssl
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import SecretStr
from redis.exceptions import AuthenticationError

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
    if not (found["virtual_host"] or "0").isdecimal():
        raise ValueError("ends in what is not the number of a database")
    return address._replace(encrypted=found["transport"] == "rediss")


class RedisBrokerSettings(Section):
    """`BROKER__*` in the environment."""

    url: Annotated[SecretStr, readable_by(read_url, "redis", "rediss")]
    """Where the broker is, with user and password if needed."""

    @property
    def address(self) -> Address:
        return read_url(self.url.get_secret_value())

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        return (AuthenticationError,)

    def unsafe(self) -> Iterator[Refusal]:
        yield from refuse_address("url", self.address)

    def transport_options(self, *, redeliver_after_seconds: float) -> dict[str, Any]:
        """
        Give back what a dead worker held, within seconds of its visibility timeout.

        By default kombu looks for such messages only every 100 seconds.
        """
        return {
            "visibility_timeout": redeliver_after_seconds,
            "unacked_restore_interval": 1,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 2,
            "socket_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
        }

    def proof(self) -> dict[str, Any]:
        """Demand a certificate of the host's own: kombu asks for none by default."""
        return {
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
            "ssl_check_hostname": True,
            "ssl_ca_certs": authorities(),
        }

    def ping(self, channel: Any) -> None:
        channel.client.ping()
