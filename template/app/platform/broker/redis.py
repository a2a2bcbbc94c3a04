"""Redis as a broker: what it needs to lose nothing and to give back in time."""

import ssl
from typing import Any

from pydantic import SecretStr, field_validator

from app.platform.configuration import Address, authorities, refuse_unreadable
from app.platform.tasks.celery import CeleryTasksSettings, read_broker_url


class RedisBrokerSettings(CeleryTasksSettings, frozen=True):
    """`TASKS__*` in the environment."""

    @field_validator("broker_url")
    @classmethod
    def _readable(cls, url: SecretStr) -> SecretStr:
        return refuse_unreadable(url, read_url, "redis", "rediss")

    @property
    def address(self) -> Address:
        return read_url(self.broker_url.get_secret_value())


def read_url(url: str) -> Address:
    """Raise for what would fail at the first message."""
    address, found = read_broker_url(url)
    if not (found["virtual_host"] or "0").isdecimal():
        raise ValueError("ends in what is not the number of a database")
    return address._replace(encrypted=found["transport"] == "rediss")


def transport_options(*, redeliver_after_seconds: float) -> dict[str, Any]:
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


def proof() -> dict[str, Any]:
    """Demand a certificate of the host's own: kombu asks for none by default."""
    return {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
        "ssl_ca_certs": authorities(),
    }


def ping(channel: Any) -> None:
    channel.client.ping()
