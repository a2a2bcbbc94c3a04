"""What the orders module needs to know of its surroundings."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import HttpUrl

from app.platform.configuration import Limit, Refusal, Section, refuse_url


class OrdersSettings(Section):
    """`ORDERS__*` in the environment."""

    carrier_url: HttpUrl | None = None
    """The third party that carries parcels; without one, delivery is not estimated."""
    carrier_deadline_seconds: float = 1.0
    """How long an estimate may take."""

    limits: ClassVar[tuple[Limit, ...]] = (
        Limit(
            "ORDERS__CARRIER_DEADLINE_SECONDS",
            below="WEB__DEADLINE_SECONDS",
            reason="a request is cut off before it hears that the carrier is silent",
        ),
    )

    def unsafe(self) -> Iterator[Refusal]:
        yield from refuse_url("carrier_url", self.carrier_url)
