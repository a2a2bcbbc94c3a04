"""RabbitMQ as a broker: what it needs to lose nothing and to give back in time."""

from typing import Any


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
