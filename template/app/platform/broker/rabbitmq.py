"""RabbitMQ as a broker: what it needs to lose nothing and to give back in time."""

import ssl
from typing import Any

from pydantic import SecretStr, field_validator

from app.platform.configuration import Address, authorities, refuse_unreadable
from app.platform.tasks.celery import CeleryTasksSettings, read_broker_url


class RabbitmqBrokerSettings(CeleryTasksSettings, frozen=True):
    """`TASKS__*` in the environment."""

    @field_validator("broker_url")
    @classmethod
    def _readable(cls, url: SecretStr) -> SecretStr:
        return refuse_unreadable(url, read_url, "amqp", "amqps")

    @property
    def address(self) -> Address:
        return read_url(self.broker_url.get_secret_value())


def read_url(url: str) -> Address:
    """Raise for what would fail at the first message."""
    address, found = read_broker_url(url)
    return address._replace(encrypted=found["transport"] == "amqps")


def transport_options(*, redeliver_after_seconds: float) -> dict[str, Any]:
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


def proof() -> dict[str, Any]:
    """Demand a certificate of the host's own, which has the name in the URL."""
    return {
        "cert_reqs": ssl.CERT_REQUIRED,
        "ca_certs": authorities(),
        # kombu puts the host's name in its place; left out, no name is checked.
        "server_hostname": None,
    }


def ping(channel: Any) -> None:
    """Declare what is true of every channel: it is answered, and changes nothing."""
    channel.basic_qos(0, 0, a_global=False)
